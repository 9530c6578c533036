// Depthwise convolution, images innermost: a plane of output from a plane of input. There is nothing to use again but
// the pixels that neighbours share: along a row they are loaded once for all taps. Where a row has too few pixels, or
// strides, what is left to do is to spend little on each tile.
#pragma once

#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvDepthwise {
  using V = Vec<Arch>;
  using Tiles = ConvTile<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMost = Tiles::most_pixels(1);

  struct Steps {
    std::int64_t src, dst;
  };
  using Args = typename Tiles::Args;

  static constexpr int kMostTaps = 5;            // of a row
  static constexpr std::int64_t kRowsAhead = 4;  // prefetched; where a plane ends, the next one follows
  // Outputs of a row at a time: sums, weights and the pixels that they share fill the registers.
  static constexpr int at_a_time(int taps) { return Tiles::kMany ? 8 : taps <= 3 ? 4 : 3; }

  // Outputs that all use S neighbouring pixels of each row; a.src and a.weights: those of the leftmost. `ahead`: to
  // what will be read and written later.
  template <int S>
  HONE_INLINE static void outputs(const Args& a, const float* src, float* dst, Steps ahead) noexcept {
    constexpr int P = at_a_time(S);
    unroll<P>([&](int p) HONE_INLINE_LAMBDA {
      __builtin_prefetch(src + ahead.src + p * L);
      __builtin_prefetch(dst + ahead.dst + p * L, 1);
    });
    V acc[P];
    unroll<P>([&](int p) HONE_INLINE_LAMBDA { acc[p] = V(a.bias != nullptr ? *a.bias : 0.0f); });
    const float* weights = a.weights;
    for (std::int64_t r = 0; r < a.rows; ++r, src += a.src_row_step, weights += a.weights_row_step) {
      V w[S], x[P + S - 1];
      unroll<S>([&](int s) HONE_INLINE_LAMBDA { w[s] = broadcast_pinned<Arch>(weights + s * a.weights_tap_step); });
      unroll<P + S - 1>([&](int i) HONE_INLINE_LAMBDA { x[i] = load_pinned<Arch>(src + i * L); });
      unroll<S>([&](int s) HONE_INLINE_LAMBDA {
        unroll<P>([&](int p) HONE_INLINE_LAMBDA { acc[p] = fma<Arch>(x[p + s], w[s], acc[p]); });
      });
    }
    unroll<P>([&](int p) HONE_INLINE_LAMBDA { store<Arch>(dst + p * L, a.relu ? relu<Arch>(acc[p]) : acc[p]); });
  }

  // `rows` rows of `pixels` outputs each; the last ones of a row are done again where they do not fill a tile.
  template <int S>
  [[gnu::noinline]] static void run_rows(const Args& args, std::int64_t rows, Steps row_step,
                                         std::int64_t pixels) noexcept {
    constexpr std::int64_t kStep = at_a_time(S);
    const Args a = args;
    const Steps ahead{(a.rows - 1) * a.src_row_step + kRowsAhead * row_step.src, kRowsAhead * row_step.dst};
    for (std::int64_t i = 0; i < rows; ++i) {
      const float* src = a.src + i * row_step.src;
      float* dst = a.dst + i * row_step.dst;
      for (std::int64_t first = 0; first < pixels; first += kStep) {
        const std::int64_t at = first + kStep <= pixels ? first : pixels - kStep;
        outputs<S>(a, src + at * L, dst + at * L, ahead);
      }
    }
  }

  using Rows = void (*)(const Args&, std::int64_t, Steps, std::int64_t) noexcept;

  // What does a row of outputs that use the columns of `run`; null where they are too few or not next to each other.
  static Rows rows_of(const AxisRun& run) noexcept {
    static constexpr Rows kRows[kMostTaps + 1] = {nullptr, nullptr, run_rows<2>, run_rows<3>, run_rows<4>, run_rows<5>};
    const bool neighbours = run.src_step == 1 && run.out_step == 1 && run.src_tap_step == 1;
    const std::int64_t fewest = at_a_time(static_cast<int>(run.taps));
    return neighbours && run.taps <= kMostTaps && run.count >= fewest ? kRows[run.taps] : nullptr;
  }

  // `outer` lines of `inner` pixels that use the same taps.
  static void run_lines(Args a, std::int64_t outer, Steps outer_step, std::int64_t inner, Steps inner_step) noexcept {
    a.src_pixel_step = inner_step.src;
    a.dst_pixel_step = inner_step.dst;
    const float* src = a.src;
    float* dst = a.dst;
    for (std::int64_t i = 0; i < outer; ++i, src += outer_step.src, dst += outer_step.dst)
      split_evenly<kMost>(inner, [&](std::int64_t first, std::int64_t size) {
        a.src = src + first * inner_step.src;
        a.dst = dst + first * inner_step.dst;
        a.prefetch = a.src + outer_step.src;
        Tiles::tile_of(1, size, inner_step.src == L ? Tiles::Form::adjacent : Tiles::Form::any)(a);
      });
  }

  // One direction (see Conv::Direction) of a group that has one channel on both sides; weights: its R x S.
  template <class Direction>
  static void run(const Direction& d, const float* weights, const float* bias, const float* src, float* dst) noexcept {
    Args a{};
    a.weights_plane = d.r * d.s;
    a.bias = bias;
    a.relu = d.relu;
    a.src_plane = d.src_plane;
    a.dst_plane = d.dst_plane;
    for (std::int64_t m = 0; m < d.row_runs; ++m)
      for (std::int64_t n = 0; n < d.column_runs; ++n) {
        const AxisRun &row = d.rows[m], &column = d.columns[n];
        a.channels = row.taps == 0 || column.taps == 0 ? 0 : 1;
        a.rows = row.taps;
        a.taps = column.taps;
        a.weights = weights + row.tap_first * d.s + column.tap_first;
        a.weights_row_step = row.tap_step * d.s;
        a.weights_tap_step = column.tap_step;
        a.src_row_step = row.src_tap_step * d.src_width * L;
        a.src_tap_step = column.src_tap_step * L;
        a.src = src + (row.src_first * d.src_width + column.src_first) * L;
        a.dst = dst + (row.out_first * d.dst_width + column.out_first) * L;
        const Steps down{row.src_step * d.src_width * L, row.out_step * d.dst_width * L};
        const Steps right{column.src_step * L, column.out_step * L};
        if (const Rows rows = row.taps > 0 ? rows_of(column) : nullptr; rows != nullptr)
          rows(a, row.count, down, column.count);
        else if (column.count >= (row.count < kMost ? row.count : kMost))
          run_lines(a, row.count, down, column.count, right);
        else
          run_lines(a, column.count, right, row.count, down);
      }
  }
};

}  // namespace hone::simd
