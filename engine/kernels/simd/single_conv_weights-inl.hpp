// Gradient of a convolution's weights, one image at a time, plain NCHW, where input channels fill vectors: rows of the
// input are transposed into [pixel][channel]; a tile is output channels x two vectors of input channels, and each dy is
// broadcast from its plane. A tile takes all pixels of a band of rows that one tap uses, so that short rows do not pay
// for its sums, which wait as [tap][k][channel] between bands. Other shapes: single_conv_planes-inl.hpp.
#pragma once

#include "engine/kernels/simd/single_conv_planes-inl.hpp"
#include "engine/kernels/simd/transpose-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SingleConvWeights {
  using V = Vec<Arch>;
  using Planes = SingleConvPlanes<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kRows = kRegisters<Arch> >= 32 ? 12 : 6;  // output channels a tile, by two vectors
  static constexpr std::int64_t kBandBytes = 48 << 10;           // of transposed rows

  struct TileArgs {
    const float* pixels;  // first one
    std::int64_t pixel_step, pixel_row;
    const float* diff;  // likewise
    std::int64_t diff_plane, diff_row;
    std::int64_t rows, columns;
    float* sums;
    std::int64_t sums_row;
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TK, int TV>
  [[gnu::noinline]] static void tile(const TileArgs& args) noexcept {
    const TileArgs a = args;  // what is stored can't change it
    V acc[TK][TV];
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = load<Arch>(a.sums + k * a.sums_row + v * L); });
    });
    // Three planes to a pointer: as many as an address can tell apart.
    constexpr int kPointers = (TK + 2) / 3;
    const std::int64_t plane = a.diff_plane, step = a.pixel_step;
    for (std::int64_t row = 0; row < a.rows; ++row) {
      const float* x = a.pixels + row * a.pixel_row;
      const float* diff[kPointers];
      unroll<kPointers>([&](int i) HONE_INLINE_LAMBDA { diff[i] = a.diff + row * a.diff_row + 3 * i * plane; });
      for (std::int64_t column = 0; column < a.columns; ++column, x += step) {
        V inputs[TV];
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { inputs[v] = load_pinned<Arch>(x + v * L); });
        unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
          const V d = broadcast_pinned<Arch>(diff[k / 3] + k % 3 * plane);
          unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = fma<Arch>(inputs[v], d, acc[k][v]); });
        });
        unroll<kPointers>([&](int i) HONE_INLINE_LAMBDA { ++diff[i]; });
      }
    }
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { store<Arch>(a.sums + k * a.sums_row + v * L, acc[k][v]); });
    });
  }

  template <int TV, int... K>
  static Tile tile_of(std::int64_t tk, std::integer_sequence<int, K...>) noexcept {
    static constexpr Tile kTiles[] = {tile<K + 1, TV>...};
    return kTiles[tk - 1];
  }

  // ---- sizes

  static std::int64_t padded_channels(const ConvShape& p) noexcept { return (p.group_c() + L - 1) / L * L; }
  static std::int64_t sums_size(const ConvShape& p) noexcept { return p.r * p.s * p.group_k() * 2 * L; }
  static std::int64_t input_rows(const ConvShape& p, std::int64_t output_rows) noexcept {
    const std::int64_t rows = (output_rows - 1) * p.stride_h + (p.r - 1) * p.dilation_h + 1;
    return rows < p.h ? rows : p.h;
  }
  // Output rows of a band.
  static std::int64_t band_rows(const ConvShape& p) noexcept {
    const std::int64_t row_bytes = p.w * 2 * L * static_cast<std::int64_t>(sizeof(float));
    std::int64_t rows = 1;
    while (rows < p.out_h && input_rows(p, rows + 1) * row_bytes <= kBandBytes) ++rows;
    return rows;
  }
  // Blocks of L pixels may begin before and end behind the band.
  static std::int64_t band_size(const ConvShape& p) noexcept {
    return (input_rows(p, band_rows(p)) * p.w + 2 * L) * 2 * L;
  }

  // Whether it is the better way: roughly the cycles that a weight of an image takes.
  static bool suits(const ConvShape& p) noexcept {
    const auto number = [](std::int64_t n) { return static_cast<double>(n); };
    const double waste = number(padded_channels(p)) / number(p.group_c());
    const double copies = number(p.h * p.w) / number(p.group_k() * p.r * p.s * 4);
    const std::int64_t vectors = padded_channels(p) > L ? 2 : 1;
    const std::int64_t sums = vectors * (p.group_k() < kRows ? p.group_k() : kRows);
    const double latency = sums < 8 ? 8.0 / number(sums) : 1.0;
    const double here = waste * (number(p.out_h * p.out_w) / number(2 * L) * latency + copies + 2);
    const double there = number(p.out_h * Planes::row_size(p)) / number(2 * L) + copies + 4;
    return here <= there;
  }

  static void prepare(ConvPlan& plan) noexcept {
    const ConvShape& p = plan.shape;
    if (suits(p)) {
      plan.weight_tile = p.r * p.s > 1 ? 16 : 32;  // each task transposes the input again
      plan.weights_scratch = sums_size(p) + band_size(p);
    } else {
      plan.weight_tile = 2 * Planes::kMostOut;
      plan.weights_scratch = Planes::scratch_size(p);
    }
  }

  // ---- rows of the input

  // Channels that a pass works on: the first, how many exist, vectors.
  struct Channels {
    std::int64_t first, count, vectors;
    std::int64_t width() const noexcept { return vectors * L; }
  };

  static bool is_read(const ConvShape& p, std::int64_t row) noexcept {
    for (std::int64_t r = 0; r < p.r; ++r)
      if ((row + p.pad_h - r * p.dilation_h) % p.stride_h == 0) return true;
    return false;
  }

  // Rows [begin, end) of the channels at src -> [pixel][channel]; out: pixel 0 of row `begin`.
  static void transpose_rows(const ConvShape& p, const float* src, std::int64_t begin, std::int64_t end,
                             const Channels& channels, float* out) noexcept {
    out -= begin * p.w * channels.width();
    for (std::int64_t row = begin; row < end;) {
      std::int64_t last = row;
      while (last < end && is_read(p, last)) ++last;
      if (last > row) transpose_pixels(p, src, row * p.w, last * p.w, channels, out);
      row = last + 1;
    }
  }

  static void transpose_pixels(const ConvShape& p, const float* src, std::int64_t begin, std::int64_t end,
                               const Channels& channels, float* out) noexcept {
    const std::int64_t plane = p.h * p.w, width = channels.width();
    for (std::int64_t v = 0; v < channels.vectors; ++v, src += L * plane, out += L) {
      const std::int64_t rows = channels.count - v * L;
      if (plane < L) {
        alignas(64) float whole[L * L] = {};
        for (std::int64_t i = 0; i < rows && i < L; ++i)
          for (std::int64_t pixel = 0; pixel < plane; ++pixel) whole[i * L + pixel] = src[i * plane + pixel];
        Transpose<Arch>::square(whole, L, rows, out, width);
        continue;
      }
      for (std::int64_t pixel = begin; pixel < end; pixel += L) {
        const std::int64_t from = pixel + L <= plane ? pixel : plane - L;
        Transpose<Arch>::square(src + from, plane, rows, out + from * width, width);
      }
    }
  }

  // ---- bands

  struct Band {
    std::int64_t begin, end, first_input;  // output rows; the first of the transposed ones
    const float* pixels;
    const float* diff;  // of the first output channel
  };

  // Output channels [k, k + tk) of a task's k_count.
  static void add_band(const ConvShape& p, const Band& band, const Channels& channels, std::int64_t k, std::int64_t tk,
                       std::int64_t k_count, float* sums) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kRows>{};
    const std::int64_t width = channels.width();
    const Tile run = channels.vectors == 2 ? tile_of<2>(tk, sequence) : tile_of<1>(tk, sequence);
    TileArgs a;
    a.pixel_step = p.stride_w * width;
    a.pixel_row = p.stride_h * p.w * width;
    a.diff_plane = p.out_h * p.out_w;
    a.diff_row = p.out_w;
    a.sums_row = width;
    for (std::int64_t r = 0; r < p.r; ++r) {
      const std::int64_t row_tap = r * p.dilation_h - p.pad_h;
      const auto rows = TapRange<Arch>::of(p.h, p.out_h, p.stride_h, row_tap).within(band.begin, band.end);
      a.rows = rows.size();
      if (a.rows == 0) continue;
      for (std::int64_t s = 0; s < p.s; ++s) {
        const std::int64_t column_tap = s * p.dilation_w - p.pad_w;
        const auto columns = TapRange<Arch>::of(p.w, p.out_w, p.stride_w, column_tap);
        a.columns = columns.size();
        if (a.columns == 0) continue;
        const std::int64_t input_row = rows.first * p.stride_h + row_tap - band.first_input;
        a.pixels = band.pixels + (input_row * p.w + columns.first * p.stride_w + column_tap) * width;
        a.diff = band.diff + k * a.diff_plane + rows.first * p.out_w + columns.first;
        a.sums = sums + ((r * p.s + s) * k_count + k) * width;
        run(a);
      }
    }
  }

  // Output channels [k_begin, k_end) of one group.
  static void run_group(const ConvShape& p, const float* src, const float* diff, float* diff_weights,
                        std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, float* scratch) noexcept {
    const std::int64_t group = k_begin / p.group_k(), k_count = k_end - k_begin, taps = p.r * p.s;
    const std::int64_t rows = band_rows(p), plane = p.h * p.w;
    float *sums = scratch, *transposed = scratch + sums_size(p);
    for (std::int64_t first = 0; first < p.group_c(); first += 2 * L) {
      const std::int64_t rest = p.group_c() - first;
      const Channels channels{first, rest < 2 * L ? rest : 2 * L, rest > L ? 2 : 1};
      const std::int64_t width = channels.width();
      for (std::int64_t i = 0; i < taps * k_count * width; i += L) store<Arch>(sums + i, V(0.0f));
      for (std::int64_t b = 0; b < blocks; ++b) {
        const float* image = src + (b * p.c + group * p.group_c() + first) * plane;
        for (std::int64_t y = 0; y < p.out_h; y += rows) {
          Band band{y, y + rows < p.out_h ? y + rows : p.out_h, 0, transposed + L * width,
                    diff + (b * p.k + k_begin) * p.out_h * p.out_w};
          const std::int64_t begin = y * p.stride_h - p.pad_h;
          const std::int64_t end = begin + (band.end - y - 1) * p.stride_h + (p.r - 1) * p.dilation_h + 1;
          band.first_input = begin > 0 ? begin : 0;
          transpose_rows(p, image, band.first_input, end < p.h ? end : p.h, channels, transposed + L * width);
          split_evenly<kRows>(
              k_count, [&](std::int64_t k, std::int64_t tk) { add_band(p, band, channels, k, tk, k_count, sums); });
        }
      }
      for (std::int64_t k = 0; k < k_count; ++k)
        for (std::int64_t c = 0; c < channels.count; ++c)
          for (std::int64_t t = 0; t < taps; ++t)
            diff_weights[((k_begin + k) * p.group_c() + first + c) * taps + t] = sums[(t * k_count + k) * width + c];
    }
  }

  static void run(const ConvPlan& plan, const float* src, const float* diff, float* diff_weights, float* diff_bias,
                  std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, float* scratch, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    const auto group_kernel = suits(p) ? run_group : Planes::run_group;
    for (std::int64_t k = k_begin; k < k_end;) {
      const std::int64_t group_end = (k / p.group_k() + 1) * p.group_k();
      const std::int64_t end = group_end < k_end ? group_end : k_end;
      group_kernel(p, src, diff, diff_weights, blocks, k, end, scratch);
      k = end;
    }
    if (diff_bias == nullptr) return;
    for (std::int64_t k = k_begin; k < k_end; ++k) {
      diff_bias[k] = 0;
      for (std::int64_t b = 0; b < blocks; ++b)
        diff_bias[k] += SinglePool<Arch>::sum(diff + (b * p.k + k) * p.out_h * p.out_w, p.out_h * p.out_w);
    }
  }
};

}  // namespace hone::simd
