// Gradient of a convolution's weights where few taps use a pixel: 1x1 kernels and strides. There the tile of
// conv_weights-inl.hpp loads almost as much as it multiplies. Here rows of the input and of the output's gradient are
// transposed into [pixel][image][channel] first; a tile is output channels x vectors of input channels, each dy a
// broadcast, as in a dense layer. Sums are kept as [tap][k][channels] until the end.
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

  static constexpr int kPixels = 8;  // outputs of a row at a time

  static std::int64_t padded_channels(const ConvShape& p) noexcept { return (p.group_c() + L - 1) / L * L; }
  // Values from an image to the next; an odd number of cache lines, so that images spread over the first cache.
  static std::int64_t image_size(std::int64_t channels) noexcept {
    constexpr std::int64_t kLine = 16;
    return ((channels + kLine - 1) / kLine | 1) * kLine;
  }
  static std::int64_t sums_size(const ConvShape& p) noexcept { return p.r * p.s * p.group_k() * padded_channels(p); }
  // Rows of the input that one row of the output reads.
  static std::int64_t rows_size(const ConvShape& p) noexcept { return p.r * p.w * L * image_size(p.group_c()); }
  static std::int64_t diff_size(const ConvShape& p) noexcept { return kPixels * L * image_size(p.group_k()); }
  static std::int64_t scratch_size(const ConvShape& p) noexcept { return sums_size(p) + rows_size(p) + diff_size(p); }

  // Whether it is the better way: many channels that fill vectors, few uses of each pixel.
  static bool suits(const ConvShape& p) noexcept {
    const bool few_uses = p.r * p.s == 1 || p.stride_h * p.stride_w > 1;
    return few_uses && p.group_c() >= 12 && 5 * p.group_c() >= 4 * padded_channels(p) && p.group_k() >= 8;
  }

  struct TileArgs {
    const float* src;  // first pixel, image 0
    std::int64_t src_pixel, src_image;
    const float* diff;  // first pixel, image 0
    std::int64_t diff_image, pixels;
    float* sums;
    std::int64_t sums_row;
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TK, int TV>
  [[gnu::noinline]] static void tile(const TileArgs& args) noexcept {
    const TileArgs a = args;  // what is stored can't change it
    V acc[TK][TV];
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { acc[k][v] = load<Arch>(a.sums + k * a.sums_row + v * L); });
    });
    const float *pixel = a.src, *diff = a.diff;
    for (std::int64_t i = 0; i < a.pixels; ++i, pixel += a.src_pixel) {
      const float* x = pixel;
      for (std::int64_t l = 0; l < L; ++l, x += a.src_image, diff += a.diff_image) {
        V inputs[TV];
        unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { inputs[v] = load_pinned<Arch>(x + v * L); });
        unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
          const V d = broadcast_pinned<Arch>(diff + k);
          unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { acc[k][v] = fma<Arch>(inputs[v], d, acc[k][v]); });
        });
      }
    }
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { store<Arch>(a.sums + k * a.sums_row + v * L, acc[k][v]); });
    });
  }

  template <int TV, int... K>
  static Tile tile_of(std::int64_t tk, std::integer_sequence<int, K...>) noexcept {
    static constexpr Tile kTiles[] = {tile<K + 1, TV>...};
    return kTiles[tk - 1];
  }

  // `pixels` pixels of planes that are `plane` values apart -> [pixel][image][channel]. `ahead`: from a pixel to one
  // that will be wanted.
  static void transpose(const float* src, std::int64_t plane, std::int64_t channels, std::int64_t pixels,
                        std::int64_t ahead, float* out) noexcept {
    const std::int64_t image = image_size(channels);
    for (std::int64_t c = 0; c < channels; c += L)
      for (std::int64_t w = 0; w < pixels; ++w) {
        for (std::int64_t i = c; i < c + L && i < channels; ++i) __builtin_prefetch(src + i * plane + w * L + ahead);
        Transpose<Arch>::square(src + c * plane + w * L, plane, channels - c, out + w * L * image + c, image);
      }
  }

  // Adds outputs [first, end) of a row, whose gradient is transposed at `diff`, to the sums of kernel row r, whose row
  // of the input is transposed at `row`.
  static void add_pixels(const ConvShape& p, std::int64_t r, std::int64_t first, std::int64_t end, const float* row,
                         const float* diff, std::int64_t k_count, float* sums) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kRows>{};
    const std::int64_t channels = padded_channels(p);
    TileArgs a;
    a.src_image = image_size(p.group_c());
    a.src_pixel = p.stride_w * L * a.src_image;
    a.diff_image = image_size(k_count);
    a.sums_row = channels;
    for (std::int64_t s = 0; s < p.s; ++s) {
      const std::int64_t column_tap = s * p.dilation_w - p.pad_w;
      const auto columns = TapRange<Arch>::of(p.w, p.out_w, p.stride_w, column_tap).within(first, end);
      if (columns.size() == 0) continue;
      a.pixels = columns.size();
      const float* pixel = row + (columns.first * p.stride_w + column_tap) * L * a.src_image;
      float* tap = sums + (r * p.s + s) * p.group_k() * channels;
      // These pixels of two vectors of channels stay in the first cache.
      for (std::int64_t c = 0; c < channels; c += 2 * L)
        split_evenly<kRows>(k_count, [&](std::int64_t k, std::int64_t tk) {
          a.diff = diff + (columns.first - first) * L * a.diff_image + k;
          a.src = pixel + c;
          a.sums = tap + k * channels + c;
          c + L < channels ? tile_of<2>(tk, sequence)(a) : tile_of<1>(tk, sequence)(a);
        });
    }
  }

  // Output channels [k_begin, k_end) of one group.
  static void run(const ConvShape& p, const float* src, const float* diff, float* diff_weights, std::int64_t blocks,
                  std::int64_t k_begin, std::int64_t k_end, float* scratch) noexcept {
    const std::int64_t group = k_begin / p.group_k(), channels = padded_channels(p), count = k_end - k_begin;
    float *sums = scratch, *rows = sums + sums_size(p), *diff_pixels = rows + rows_size(p);
    const std::int64_t row_size = p.w * L * image_size(p.group_c());
    const std::int64_t src_plane = p.h * p.w * L, diff_plane = p.out_h * p.out_w * L;
    for (std::int64_t i = 0; i < sums_size(p); i += L) store<Arch>(sums + i, V(0.0f));
    for (std::int64_t b = 0; b < blocks; ++b) {
      const float* group_src = src + (b * p.c + group * p.group_c()) * src_plane;
      const float* block_diff = diff + (b * p.k + k_begin) * diff_plane;
      for (std::int64_t oh = 0; oh < p.out_h; ++oh) {
        const auto src_row = [&](std::int64_t r) { return oh * p.stride_h - p.pad_h + r * p.dilation_h; };
        const auto inside = [&](std::int64_t r) { return src_row(r) >= 0 && src_row(r) < p.h; };
        for (std::int64_t r = 0; r < p.r; ++r)
          if (inside(r))
            transpose(group_src + src_row(r) * p.w * L, src_plane, p.group_c(), p.w, p.w * L, rows + r * row_size);
        split_evenly<kPixels>(p.out_w, [&](std::int64_t first, std::int64_t pixels) {
          transpose(block_diff + (oh * p.out_w + first) * L, diff_plane, count, pixels, p.out_w * L, diff_pixels);
          for (std::int64_t r = 0; r < p.r; ++r)
            if (inside(r)) add_pixels(p, r, first, first + pixels, rows + r * row_size, diff_pixels, count, sums);
        });
      }
    }
    for (std::int64_t k = 0; k < count; ++k)
      for (std::int64_t c = 0; c < p.group_c(); ++c)
        for (std::int64_t t = 0; t < p.r * p.s; ++t)
          diff_weights[((k_begin + k) * p.group_c() + c) * p.r * p.s + t] = sums[(t * p.group_k() + k) * channels + c];
  }
};

}  // namespace hone::simd
