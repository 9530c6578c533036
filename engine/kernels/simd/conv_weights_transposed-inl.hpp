// Gradient of a convolution's weights where few taps use a pixel: 1x1 kernels and strides. There the tile of
// conv_weights-inl.hpp loads almost as much as it multiplies. Here rows of the input are transposed into
// [pixel][image][channel] first; a tile is output channels x vectors of input channels, each dy a broadcast, as in a
// dense layer. Sums are kept as [tap][k][channels] until the end.
#pragma once

#include "engine/kernels/simd/transpose-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeightsTransposed {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kRows = kRegisters<Arch> >= 32 ? 12 : 6;  // output channels a tile, by two vectors

  static std::int64_t padded_channels(const ConvShape& p) noexcept { return (p.group_c() + L - 1) / L * L; }
  // Values from an image to the next; an odd number of cache lines, so that images spread over the first cache.
  static std::int64_t image_size(const ConvShape& p) noexcept {
    constexpr std::int64_t kLine = 16;
    return ((padded_channels(p) + kLine - 1) / kLine | 1) * kLine;
  }
  static std::int64_t sums_size(const ConvShape& p) noexcept { return p.r * p.s * p.group_k() * padded_channels(p); }
  // Rows of the input that one row of the output reads.
  static std::int64_t rows_size(const ConvShape& p) noexcept { return p.r * p.w * L * image_size(p); }
  static std::int64_t scratch_size(const ConvShape& p) noexcept { return sums_size(p) + rows_size(p); }

  // Whether it is the better way: many channels that fill vectors, few uses of each pixel.
  static bool suits(const ConvShape& p) noexcept {
    const bool few_uses = p.r * p.s == 1 || p.stride_h * p.stride_w > 1;
    return few_uses && p.group_c() >= 12 && 5 * p.group_c() >= 4 * padded_channels(p) && p.group_k() >= 8;
  }

  struct TileArgs {
    const float* transposed;  // first pixel, image 0
    std::int64_t pixel_step, image_step, pixels;
    const float* diff;  // first pixel, image 0
    std::int64_t diff_plane;
    float* sums;
    std::int64_t sums_row;
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TK, int TV>
  [[gnu::noinline]] static void tile(const TileArgs& a) noexcept {
    V acc[TK][TV];
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { acc[k][v] = load<Arch>(a.sums + k * a.sums_row + v * L); });
    });
    const float *pixel = a.transposed, *diff = a.diff;
    for (std::int64_t i = 0; i < a.pixels; ++i, pixel += a.pixel_step, diff += L) {
      const float* x = pixel;
      for (std::int64_t l = 0; l < L; ++l, x += a.image_step) {
        V inputs[TV];
        unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { inputs[v] = load_pinned<Arch>(x + v * L); });
        unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
          const V d(diff[k * a.diff_plane + l]);
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

  // Row `row` of a group's input -> [pixel][image][channel].
  static void transpose_row(const ConvShape& p, const float* group_src, std::int64_t row, float* out) noexcept {
    const std::int64_t plane = p.h * p.w * L, image = image_size(p);
    for (std::int64_t c = 0; c < p.group_c(); c += L)
      for (std::int64_t w = 0; w < p.w; ++w) {
        for (std::int64_t i = c; i < c + L && i < p.group_c(); ++i)
          __builtin_prefetch(group_src + i * plane + ((row + 1) * p.w + w) * L);
        Transpose<Arch>::square(group_src + c * plane + (row * p.w + w) * L, plane, p.group_c() - c,
                                out + w * L * image + c, image);
      }
  }

  // Adds one row of outputs to the sums of kernel row r, whose input row is transposed at `row`.
  static void add_row(const ConvShape& p, std::int64_t r, const float* row, const float* diff_row, float* sums,
                      std::int64_t k_count) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kRows>{};
    const std::int64_t channels = padded_channels(p);
    TileArgs a;
    a.image_step = image_size(p);
    a.pixel_step = p.stride_w * L * a.image_step;
    a.diff_plane = p.out_h * p.out_w * L;
    a.sums_row = channels;
    for (std::int64_t s = 0; s < p.s; ++s) {
      std::int64_t first = 0, end = p.out_w;
      while (first < end && first * p.stride_w - p.pad_w + s * p.dilation_w < 0) ++first;
      while (end > first && (end - 1) * p.stride_w - p.pad_w + s * p.dilation_w >= p.w) --end;
      if (first == end) continue;
      a.pixels = end - first;
      const float* pixel = row + (first * p.stride_w - p.pad_w + s * p.dilation_w) * L * a.image_step;
      float* tap = sums + (r * p.s + s) * p.group_k() * channels;
      split_evenly<kRows>(k_count, [&](std::int64_t k, std::int64_t tk) {
        a.diff = diff_row + k * a.diff_plane + first * L;
        for (std::int64_t c = 0; c < channels; c += 2 * L) {
          a.transposed = pixel + c;
          a.sums = tap + k * channels + c;
          c + L < channels ? tile_of<2>(tk, sequence)(a) : tile_of<1>(tk, sequence)(a);
        }
      });
    }
  }

  // Output channels [k_begin, k_end) of one group.
  static void run(const ConvShape& p, const float* src, const float* diff, float* diff_weights, std::int64_t blocks,
                  std::int64_t k_begin, std::int64_t k_end, float* scratch) noexcept {
    const std::int64_t group = k_begin / p.group_k(), channels = padded_channels(p), count = k_end - k_begin;
    float *sums = scratch, *rows = scratch + sums_size(p);
    const std::int64_t row_size = p.w * L * image_size(p);
    for (std::int64_t i = 0; i < sums_size(p); i += L) store<Arch>(sums + i, V(0.0f));
    for (std::int64_t b = 0; b < blocks; ++b) {
      const float* group_src = src + (b * p.c + group * p.group_c()) * p.h * p.w * L;
      const float* block_diff = diff + (b * p.k + k_begin) * p.out_h * p.out_w * L;
      for (std::int64_t oh = 0; oh < p.out_h; ++oh)
        for (std::int64_t r = 0; r < p.r; ++r) {
          const std::int64_t ih = oh * p.stride_h - p.pad_h + r * p.dilation_h;
          if (ih < 0 || ih >= p.h) continue;
          transpose_row(p, group_src, ih, rows + r * row_size);
          add_row(p, r, rows + r * row_size, block_diff + oh * p.out_w * L, sums, count);
        }
    }
    for (std::int64_t k = 0; k < count; ++k)
      for (std::int64_t c = 0; c < p.group_c(); ++c)
        for (std::int64_t t = 0; t < p.r * p.s; ++t)
          diff_weights[((k_begin + k) * p.group_c() + c) * p.r * p.s + t] = sums[(t * p.group_k() + k) * channels + c];
  }
};

}  // namespace hone::simd
