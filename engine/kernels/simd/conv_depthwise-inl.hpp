// Depthwise convolution, images innermost: a plane of output from a plane of input. There is nothing to use again but
// the pixels that neighbours share, so all that is left to do is to spend little on each tile.
#pragma once

#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvDepthwise {
  using Tiles = ConvTile<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMost = Tiles::most_pixels(1);

  struct Steps {
    std::int64_t src, dst;
  };

  // `outer` lines of `inner` pixels that use the same taps.
  static void run_lines(typename Tiles::Args a, std::int64_t outer, Steps outer_step, std::int64_t inner,
                        Steps inner_step) noexcept {
    a.src_pixel_step = inner_step.src;
    a.dst_pixel_step = inner_step.dst;
    const float* src = a.src;
    float* dst = a.dst;
    for (std::int64_t i = 0; i < outer; ++i, src += outer_step.src, dst += outer_step.dst)
      split_evenly<kMost>(inner, [&](std::int64_t first, std::int64_t size) {
        a.src = src + first * inner_step.src;
        a.dst = dst + first * inner_step.dst;
        a.prefetch = a.src + outer_step.src;
        Tiles::template tile_of<1>(size, inner_step.src == L)(a);
      });
  }

  // One direction (see Conv::Direction) of a group that has one channel on both sides; weights: its R x S.
  template <class Direction>
  static void run(const Direction& d, const float* weights, const float* bias, const float* src, float* dst) noexcept {
    typename Tiles::Args a{};
    a.weights_plane = d.r * d.s;
    a.bias = bias;
    a.stored = 1;
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
        if (column.count >= (row.count < kMost ? row.count : kMost))
          run_lines(a, row.count, down, column.count, right);
        else
          run_lines(a, column.count, right, row.count, down);
      }
  }
};

}  // namespace hone::simd
