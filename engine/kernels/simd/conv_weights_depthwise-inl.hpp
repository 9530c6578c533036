// Gradient of a depthwise convolution's weights, images innermost: each plane of the input meets one plane of the
// output's gradient. All taps of a pixel are done at once, each with sums of its own in registers, so both planes are
// read once.
#pragma once

#include <iterator>

#include "engine/kernels/simd/tap_range-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeightsDepthwise {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMost = 3;  // rows, and columns, of the kernel
  static constexpr std::int64_t kPixelsAhead = 64;

  static bool suits(const ConvShape& p) noexcept {
    return p.group_c() == 1 && p.group_k() == 1 && p.r <= kMost && p.s <= kMost;
  }

  // Pixels of one row of outputs that use the same taps.
  struct Args {
    const float *src, *diff;  // first pixel, first tap
    std::int64_t pixels, src_pixel, src_row, src_column;
    float* sums;  // of the first tap; a kernel's rows are kMost vectors apart
  };
  using Tile = void (*)(const Args&) noexcept;

  template <int R, int S>
  [[gnu::noinline]] static void tile(const Args& args) noexcept {
    const Args a = args;
    V acc[R][S];
    unroll<R>([&](int r) HONE_INLINE_LAMBDA {
      unroll<S>([&](int s) HONE_INLINE_LAMBDA { acc[r][s] = load<Arch>(a.sums + (r * kMost + s) * L); });
    });
    const float *src = a.src, *diff = a.diff;
    for (std::int64_t i = 0; i < a.pixels; ++i, src += a.src_pixel, diff += L) {
      __builtin_prefetch(src + (R - 1) * a.src_row + kPixelsAhead * a.src_pixel);
      __builtin_prefetch(diff + kPixelsAhead * L);
      const V d = load_pinned<Arch>(diff);
      unroll<R>([&](int r) HONE_INLINE_LAMBDA {
        unroll<S>([&](int s) HONE_INLINE_LAMBDA {
          acc[r][s] = fma<Arch>(load<Arch>(src + r * a.src_row + s * a.src_column), d, acc[r][s]);
        });
      });
    }
    unroll<R>([&](int r) HONE_INLINE_LAMBDA {
      unroll<S>([&](int s) HONE_INLINE_LAMBDA { store<Arch>(a.sums + (r * kMost + s) * L, acc[r][s]); });
    });
  }

  template <int... I>
  static Tile tile_of(std::int64_t rows, std::int64_t columns, std::integer_sequence<int, I...>) noexcept {
    static constexpr Tile kTiles[] = {tile<I / kMost + 1, I % kMost + 1>...};
    return kTiles[(rows - 1) * kMost + columns - 1];
  }

  // One plane of one block of images.
  static void add_plane(const ConvPlan& plan, const float* src, const float* diff, float* sums) noexcept {
    const ConvShape& p = plan.shape;
    Args a;
    a.src_pixel = p.stride_w * L;
    a.src_row = p.dilation_h * p.w * L;
    a.src_column = p.dilation_w * L;
    for (const AxisRun& row : plan.rows)
      for (std::int64_t i = 0; i < row.count; ++i)
        for (const AxisRun& column : plan.columns) {
          if (row.taps == 0 || column.taps == 0) continue;
          a.src = src + ((row.src_first + i * row.src_step) * p.w + column.src_first) * L;
          a.diff = diff + ((row.out_first + i * row.out_step) * p.out_w + column.out_first) * L;
          a.sums = sums + (row.tap_first * kMost + column.tap_first) * L;
          a.pixels = column.count;
          tile_of(row.taps, column.taps, std::make_integer_sequence<int, kMost * kMost>{})(a);
        }
  }

  // Channel k.
  static void run(const ConvPlan& plan, const float* src, const float* diff, float* diff_weights, std::int64_t blocks,
                  std::int64_t k) noexcept {
    const ConvShape& p = plan.shape;
    alignas(64) float sums[(kMost * kMost + L) * L];  // lane_sums() takes L vectors at a time
    alignas(64) float reduced[kMost * kMost + L];
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(std::size(sums)); i += L) store<Arch>(sums + i, V(0.0f));
    const std::int64_t src_plane = p.h * p.w * L, diff_plane = p.out_h * p.out_w * L;
    for (std::int64_t b = 0; b < blocks; ++b)
      add_plane(plan, src + (b * p.c + k) * src_plane, diff + (b * p.k + k) * diff_plane, sums);
    for (std::int64_t i = 0; i < kMost * kMost; i += L) lane_sums<Arch>(sums + i * L, reduced + i);
    for (std::int64_t r = 0; r < p.r; ++r)
      for (std::int64_t s = 0; s < p.s; ++s) diff_weights[(k * p.r + r) * p.s + s] = reduced[r * kMost + s];
  }
};

}  // namespace hone::simd
