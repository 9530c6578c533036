// Gradient of a convolution's weights where few taps use a pixel: 1x1 kernels and strides. There the tile of
// conv_weights-inl.hpp loads almost as much as it multiplies. Here a few pixels of a row are transposed first, of the
// output's gradient in all channels, of the input in two vectors of channels at a time: [pixel][image][channel]. A tile
// is output channels x vectors of input channels, each dy a broadcast, as in a dense layer; while it computes, what is
// transposed next is brought near. Sums are kept as [tap][two vectors][k][channel] until the end.
#pragma once

#include "engine/kernels/simd/tap_range-inl.hpp"
#include "engine/kernels/simd/transpose-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeightsTransposed {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kRows = kRegisters<Arch> >= 32 ? 12 : 6;  // output channels a tile, by two vectors

  static constexpr std::int64_t kWidth = 2 * L;  // channels of a panel
  static constexpr int kPixels = 8;              // outputs of a row at a time

  static std::int64_t panels(std::int64_t channels) noexcept { return (channels + kWidth - 1) / kWidth; }
  // Values of a panel.
  static std::int64_t panel_size(std::int64_t pixels) noexcept { return pixels * L * kWidth; }
  static std::int64_t sums_size(const ConvShape& p) noexcept {
    return p.r * p.s * panels(p.group_c()) * p.group_k() * kWidth;
  }
  // From one column of the input that is transposed to the next: where there is one tap, what it skips is left out.
  static std::int64_t column_step(const ConvShape& p) noexcept { return p.s == 1 ? p.stride_w : 1; }
  static std::int64_t src_size(const ConvShape& p) noexcept {
    return panel_size(((kPixels - 1) * p.stride_w + (p.s - 1) * p.dilation_w) / column_step(p) + 1);
  }
  static std::int64_t diff_size(const ConvShape& p) noexcept { return panels(p.group_k()) * panel_size(kPixels); }
  static std::int64_t scratch_size(const ConvShape& p) noexcept { return sums_size(p) + src_size(p) + diff_size(p); }

  // Whether it is the better way: many channels that fill vectors, few uses of each pixel.
  static bool suits(const ConvShape& p) noexcept {
    const bool few_uses = p.r * p.s == 1 || p.stride_h * p.stride_w > 1;
    return few_uses && p.group_c() >= 12 && 5 * p.group_c() >= 4 * ((p.group_c() + L - 1) / L * L) && p.group_k() >= 8;
  }

  struct TileArgs {
    const float *src, *diff;  // of the first pixel and its first image
    std::int64_t src_pixel, pixels;
    float* sums;
    const float* ahead;  // kAhead vectors are prefetched for each pixel
    std::int64_t ahead_step;
  };
  static constexpr std::int64_t kAhead = L / 2;
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TK, int TV>
  [[gnu::noinline]] static void tile(const TileArgs& args) noexcept {
    const TileArgs a = args;  // what is stored can't change it
    V acc[TK][TV];
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = load<Arch>(a.sums + k * kWidth + v * L); });
    });
    const float *pixel = a.src, *diff = a.diff, *next = a.ahead;
    for (std::int64_t i = 0; i < a.pixels; ++i, pixel += a.src_pixel, next += a.ahead_step) {
      const float* x = pixel;
      for (std::int64_t vector = 0; vector < kAhead; ++vector) {
        __builtin_prefetch(next + vector * L);
        unroll<2>([&](int image) HONE_INLINE_LAMBDA {
          V inputs[TV];
          unroll<TV>([&](int v) HONE_INLINE_LAMBDA { inputs[v] = load_pinned<Arch>(x + image * kWidth + v * L); });
          unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
            const V d = broadcast_pinned<Arch>(diff + image * kWidth + k);
            unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = fma<Arch>(inputs[v], d, acc[k][v]); });
          });
        });
        x += 2 * kWidth;
        diff += 2 * kWidth;
      }
    }
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { store<Arch>(a.sums + k * kWidth + v * L, acc[k][v]); });
    });
  }

  template <int TV, int... K>
  static Tile tile_of(std::int64_t tk, std::integer_sequence<int, K...>) noexcept {
    static constexpr Tile kTiles[] = {tile<K + 1, TV>...};
    return kTiles[tk - 1];
  }

  // Some pixels of the planes of some channels, vectors over images.
  struct Pixels {
    const float* first;
    std::int64_t plane, step;  // from channel to channel, from pixel to pixel
    std::int64_t channels, count;
  };

  // -> [two vectors][pixel][image][channel].
  static void transpose(const Pixels& pixels, float* out) noexcept {
    const float* src = pixels.first;
    for (std::int64_t c = 0; c < pixels.channels; c += L, src += L * pixels.plane) {
      float* to = out + c / kWidth * panel_size(pixels.count) + c % kWidth;
      for (std::int64_t i = 0; i < pixels.count; ++i, to += L * kWidth)
        Transpose<Arch>::square(src + i * pixels.step, pixels.plane, pixels.channels - c, to, kWidth);
    }
  }

  // Hands out what is to be prefetched, some channels at a time, kAhead vectors of each.
  class Ahead {
   public:
    Ahead() = default;
    explicit Ahead(const Pixels& pixels) noexcept
        : pixels_(pixels), runs_((pixels.count * pixels.step + kAhead * L - 1) / (kAhead * L)) {}

    bool take(std::int64_t channels, TileArgs& a) noexcept {
      if (run_ >= runs_) return false;
      a.ahead = pixels_.first + run_ * kAhead * L + channel_ * pixels_.plane;
      a.ahead_step = pixels_.plane;
      channel_ += channels;
      if (channel_ >= pixels_.channels) {
        channel_ = 0;
        ++run_;
      }
      return true;
    }

   private:
    Pixels pixels_{};
    std::int64_t runs_ = 0, run_ = 0, channel_ = 0;
  };

  // What one pass of tiles works on: outputs [first, end) of a row, two vectors of input channels, one row of taps.
  struct Pass {
    Pixels src;
    std::int64_t first, end, column, channel, r;  // column: of src's first pixel
    const float* diff;                            // where the gradient is, of the first channel and output
  };

  // Adds a pass, whose pixels are transposed at `src` and `diff`, to the sums.
  static void add(const ConvShape& p, const Pass& pass, const float* src, const float* diff, std::int64_t k_count,
                  Ahead next_src, Ahead& next_diff, float* sums) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kRows>{};
    TileArgs a;
    a.src_pixel = p.stride_w / column_step(p) * L * kWidth;
    for (std::int64_t s = 0; s < p.s; ++s) {
      const std::int64_t column_tap = s * p.dilation_w - p.pad_w;
      const auto columns = TapRange<Arch>::of(p.w, p.out_w, p.stride_w, column_tap).within(pass.first, pass.end);
      if (columns.size() == 0) continue;
      a.pixels = columns.size();
      a.src = src + (columns.first * p.stride_w + column_tap - pass.column) / column_step(p) * L * kWidth;
      float* tap = sums + ((pass.r * p.s + s) * panels(p.group_c()) + pass.channel / kWidth) * p.group_k() * kWidth;
      for (std::int64_t first_k = 0; first_k < k_count; first_k += kWidth) {
        const float* pixel =
            diff + first_k / kWidth * panel_size(pass.end - pass.first) + (columns.first - pass.first) * L * kWidth;
        const std::int64_t rest = k_count - first_k;
        split_evenly<kRows>(rest < kWidth ? rest : kWidth, [&](std::int64_t k, std::int64_t tk) {
          a.diff = pixel + k;
          a.sums = tap + (first_k + k) * kWidth;
          if (!next_src.take(a.pixels, a) && !next_diff.take(a.pixels, a)) {
            a.ahead = a.diff;
            a.ahead_step = 0;
          }
          pass.src.channels > L ? tile_of<2>(tk, sequence)(a) : tile_of<1>(tk, sequence)(a);
        });
      }
    }
  }

  // Calls body(pass) for all of them, those of the same outputs after each other.
  template <class Body>
  static void for_each_pass(const ConvShape& p, const float* src, const float* diff, std::int64_t blocks,
                            std::int64_t group, std::int64_t k_begin, const Body& body) {
    const std::int64_t src_plane = p.h * p.w * L, diff_plane = p.out_h * p.out_w * L;
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh)
        split_evenly<kPixels>(p.out_w, [&](std::int64_t first, std::int64_t pixels) {
          Pass pass;
          pass.first = first;
          pass.end = first + pixels;
          pass.diff = diff + (b * p.k + k_begin) * diff_plane + (oh * p.out_w + first) * L;
          const std::int64_t step = column_step(p), leftmost = first * p.stride_w - p.pad_w;
          const std::int64_t rightmost = leftmost + (pixels - 1) * p.stride_w + (p.s - 1) * p.dilation_w;
          pass.column = leftmost >= 0 ? leftmost : leftmost + (-leftmost + step - 1) / step * step;
          pass.src.plane = src_plane;
          pass.src.step = step * L;
          pass.src.count = ((rightmost < p.w ? rightmost : p.w - 1) - pass.column) / step + 1;
          if (pass.column >= p.w || rightmost < pass.column) return;
          for (pass.channel = 0; pass.channel < p.group_c(); pass.channel += kWidth)
            for (pass.r = 0; pass.r < p.r; ++pass.r) {
              const std::int64_t row = oh * p.stride_h - p.pad_h + pass.r * p.dilation_h;
              if (row < 0 || row >= p.h) continue;
              pass.src.first =
                  src + (b * p.c + group * p.group_c() + pass.channel) * src_plane + (row * p.w + pass.column) * L;
              const std::int64_t rest = p.group_c() - pass.channel;
              pass.src.channels = rest < kWidth ? rest : kWidth;
              body(pass);
            }
        });
  }

  // Output channels [k_begin, k_end) of one group.
  static void run(const ConvShape& p, const float* src, const float* diff, float* diff_weights, std::int64_t blocks,
                  std::int64_t k_begin, std::int64_t k_end, float* scratch) noexcept {
    const std::int64_t group = k_begin / p.group_k(), count = k_end - k_begin;
    float *sums = scratch, *src_pixels = sums + sums_size(p), *diff_pixels = src_pixels + src_size(p);
    for (std::int64_t i = 0; i < sums_size(p); i += L) store<Arch>(sums + i, V(0.0f));
    const float* transposed = nullptr;  // what diff_pixels holds
    Ahead next_diff;
    const auto process = [&](const Pass& pass, const Ahead& next_src) {
      if (pass.diff != transposed) {
        Pixels pixels{pass.diff, p.out_h * p.out_w * L, L, count, pass.end - pass.first};
        transpose(pixels, diff_pixels);
        transposed = pass.diff;
        pixels.first += pixels.count * L;  // rows follow each other
        next_diff = Ahead(pixels);
      }
      transpose(pass.src, src_pixels);
      add(p, pass, src_pixels, diff_pixels, count, next_src, next_diff, sums);
    };
    Pass waiting;
    bool waits = false;
    for_each_pass(p, src, diff, blocks, group, k_begin, [&](const Pass& pass) {
      if (waits) process(waiting, Ahead(pass.src));
      waiting = pass;
      waits = true;
    });
    if (waits) process(waiting, Ahead());
    const std::int64_t taps = p.r * p.s;
    for (std::int64_t t = 0; t < taps; ++t)
      for (std::int64_t c = 0; c < p.group_c(); c += kWidth) {
        const float* panel = sums + (t * panels(p.group_c()) + c / kWidth) * p.group_k() * kWidth;
        const std::int64_t channels = p.group_c() - c < kWidth ? p.group_c() - c : kWidth;
        for (std::int64_t k = 0; k < count; ++k) {
          float* dst = diff_weights + ((k_begin + k) * p.group_c() + c) * taps + t;
          for (std::int64_t i = 0; i < channels; ++i) dst[i * taps] = panel[k * kWidth + i];
        }
      }
  }
};

}  // namespace hone::simd
