// Gradient of a convolution's weights, images innermost: dw[k][c][r][s] = sum over images and pixels of dy[k] x[c, r,
// s]. Both factors are vectors over images. A tile holds TK output channels x TJ pairs (input channel, column tap) of
// one row of taps, sums over all pixels where the tap reads no padding, and adds up the lanes once at its end.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeights {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMost = kRegisters<Arch> >= 32 ? 5 : 3;

  struct Range {
    std::int64_t first = 0, end = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };

  // Outputs whose tap reads inside the input.
  static Range valid(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t pad,
                     std::int64_t tap) noexcept {
    Range range;
    while (range.first < out && range.first * stride - pad + tap < 0) ++range.first;
    range.end = out;
    while (range.end > range.first && (range.end - 1) * stride - pad + tap >= in) --range.end;
    return range;
  }

  struct TileArgs {
    const float* src;                // first pixel of the first row
    const std::int64_t* src_offset;  // of each pair
    const float* diff;
    std::int64_t diff_plane;
    std::int64_t src_row, diff_row, src_pixel;  // steps
    std::int64_t src_block, diff_block, blocks;
    Range rows, columns;
    float* out;  // [TK][TJ]
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TK, int TJ, bool kUnitStep>
  [[gnu::noinline]] static void tile(const TileArgs& a) noexcept {
    V acc[TK * TJ];
    unroll<TK * TJ>([&](auto i) HONE_INLINE_LAMBDA { acc[i] = V(0.0f); });
    std::int64_t offset[TJ];
    unroll<TJ>([&](auto j) HONE_INLINE_LAMBDA { offset[j] = a.src_offset[j]; });
    const std::int64_t step = kUnitStep ? L : a.src_pixel;
    const std::int64_t plane = a.diff_plane;
    const std::int64_t count = a.columns.end - a.columns.first;
    for (std::int64_t b = 0; b < a.blocks; ++b) {
      for (std::int64_t row = a.rows.first; row < a.rows.end; ++row) {
        const float* src = a.src + b * a.src_block + row * a.src_row;
        const float* diff = a.diff + b * a.diff_block + row * a.diff_row;
        for (std::int64_t i = 0; i < count; ++i, src += step, diff += L) {
          V d[TK];
          unroll<TK>([&](auto k) HONE_INLINE_LAMBDA { d[k] = load_pinned<Arch>(diff + k * plane); });
          unroll<TJ>([&](auto j) HONE_INLINE_LAMBDA {
            const V x = load_pinned<Arch>(src + offset[j]);
            unroll<TK>([&](auto k) HONE_INLINE_LAMBDA { acc[k * TJ + j] = fma<Arch>(d[k], x, acc[k * TJ + j]); });
          });
        }
      }
    }
    store_lane_sums<Arch, TK * TJ>(acc, a.out);
  }

  template <bool kUnitStep, int... I>
  static Tile tile_of(std::int64_t tk, std::int64_t tj, std::integer_sequence<int, I...>) noexcept {
    static constexpr Tile kTiles[] = {tile<I / kMost + 1, I % kMost + 1, kUnitStep>...};
    return kTiles[(tk - 1) * kMost + tj - 1];
  }

  static Tile tile_of(std::int64_t tk, std::int64_t tj, bool unit_step) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kMost * kMost>{};
    return unit_step ? tile_of<true>(tk, tj, sequence) : tile_of<false>(tk, tj, sequence);
  }

  // Column taps [first, end) of one kernel row, which all are valid in the same columns.
  struct TapRange {
    std::int64_t group, r, first_tap, end_tap;
    Range rows, columns;
  };

  static void run_taps(const ConvPlan& plan, const TapRange& taps, std::int64_t k_begin, std::int64_t k_end,
                       const float* src, const float* diff, float* diff_weights, std::int64_t blocks) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t group_taps = taps.end_tap - taps.first_tap;
    alignas(64) float sums[kMost * kMost];
    std::int64_t offsets[kMost];
    TileArgs a;
    a.diff_plane = p.out_h * p.out_w * L;
    a.src_row = p.stride_h * p.w * L;
    a.diff_row = p.out_w * L;
    a.src_pixel = p.stride_w * L;
    a.src_block = p.src_size() * L;
    a.diff_block = p.dst_size() * L;
    a.blocks = blocks;
    a.rows = taps.rows;
    a.columns = taps.columns;
    a.src_offset = offsets;
    a.out = sums;
    const std::int64_t src_row = taps.r * p.dilation_h - p.pad_h;
    const std::int64_t src_column = taps.columns.first * p.stride_w - p.pad_w;
    a.src = src + ((taps.group * p.group_c() * p.h + src_row) * p.w + src_column) * L;
    split_evenly<kMost>(k_end - k_begin, [&](std::int64_t k_first, std::int64_t tk) {
      const std::int64_t k = k_begin + k_first;
      a.diff = diff + k * a.diff_plane + taps.columns.first * L;
      split_evenly<kMost>(p.group_c() * group_taps, [&](std::int64_t pair, std::int64_t tj) {
        for (std::int64_t j = 0; j < tj; ++j) {
          const std::int64_t c = (pair + j) / group_taps, s = taps.first_tap + (pair + j) % group_taps;
          offsets[j] = (c * p.h * p.w + s * p.dilation_w) * L;
        }
        tile_of(tk, tj, p.stride_w == 1)(a);
        for (std::int64_t i = 0; i < tk; ++i)
          for (std::int64_t j = 0; j < tj; ++j) {
            const std::int64_t c = (pair + j) / group_taps, s = taps.first_tap + (pair + j) % group_taps;
            diff_weights[(((k + i) * p.group_c() + c) * p.r + taps.r) * p.s + s] = sums[i * tj + j];
          }
      });
    });
  }

  static void run(const ConvPlan& plan, const float* src, const float* diff, float* diff_weights, float* diff_bias,
                  std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end) noexcept {
    const ConvShape& p = plan.shape;
    for (std::int64_t k = k_begin; k < k_end;) {
      const std::int64_t group = k / p.group_k();
      const std::int64_t group_end = std::int64_t{group + 1} * p.group_k();
      const std::int64_t end = group_end < k_end ? group_end : k_end;
      for (std::int64_t r = 0; r < p.r; ++r)
        for (std::int64_t s = 0; s < p.s;) {
          TapRange taps{group,
                        r,
                        s,
                        s + 1,
                        valid(p.h, p.out_h, p.stride_h, p.pad_h, r * p.dilation_h),
                        valid(p.w, p.out_w, p.stride_w, p.pad_w, s * p.dilation_w)};
          while (taps.end_tap < p.s &&
                 valid(p.w, p.out_w, p.stride_w, p.pad_w, taps.end_tap * p.dilation_w) == taps.columns)
            ++taps.end_tap;
          run_taps(plan, taps, k, end, src, diff, diff_weights, blocks);
          s = taps.end_tap;
        }
      k = end;
    }
    if (diff_bias != nullptr) sum_bias(p, diff, diff_bias, blocks, k_begin, k_end);
  }

  static void sum_bias(const ConvShape& p, const float* diff, float* diff_bias, std::int64_t blocks,
                       std::int64_t k_begin, std::int64_t k_end) noexcept {
    const std::int64_t pixels = p.out_h * p.out_w;
    for (std::int64_t k = k_begin; k < k_end; ++k) {
      V even(0.0f), odd(0.0f);
      for (std::int64_t b = 0; b < blocks; ++b) {
        const float* plane = diff + (b * p.k + k) * pixels * L;
        std::int64_t i = 0;
        for (; i + 2 <= pixels; i += 2) {
          even += load<Arch>(plane + i * L);
          odd += load<Arch>(plane + (i + 1) * L);
        }
        if (i < pixels) even += load<Arch>(plane + i * L);
      }
      diff_bias[k] = xsimd::hadd(even + odd);
    }
  }
};

}  // namespace hone::simd
