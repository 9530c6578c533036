// What both ways of a direct convolution, images innermost, share: the direction that they compute, and copies of what
// they read.
#pragma once

#include <cstdint>

#include "engine/kernels/shapes.hpp"
#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

// Forward, or the gradient of the input, in one block of images.
template <class Arch>
struct ConvDirection {
  const AxisRun *rows, *columns;
  std::int64_t row_runs, column_runs;
  std::int64_t src_channels, dst_channels, groups;  // channels of a group
  std::int64_t src_plane, src_width, dst_plane, dst_width;
  std::int64_t r, s, tile;  // kernel; most output channels a tile
  bool listed;              // tiles read their terms from a list
  const float *packed, *bias;
  bool relu;

  std::int64_t window() const noexcept { return r * s; }
  std::int64_t filter() const noexcept { return src_channels * r * s; }
  // Whether a band of `rows` rows is cut into strips along its rows, rather than along its columns.
  static bool along_row(const AxisRun& column, std::int64_t rows) noexcept {
    return column.count >= rows || column.lacks_first || column.lacks_last;
  }
  const float* group_weights(std::int64_t group) const noexcept { return packed + group * dst_channels * filter(); }
  const float* group_bias(std::int64_t group) const noexcept {
    return bias == nullptr ? nullptr : bias + group * dst_channels;
  }
};

// A copy of what outputs of two runs read: [channel][positions of the outer axis][positions of the inner axis].
template <class Arch>
struct ConvCopy {
  static constexpr std::int64_t L = kLanes<Arch>;

  // What `count` outputs of a run may read along their axis.
  struct Axis {
    std::int64_t src_step;  // values from a position of the source to the next
    std::int64_t step = 1;  // positions of the source from a position of the copy to the next
    std::int64_t positions = 0;

    Axis(const AxisRun& run, std::int64_t count, std::int64_t values) noexcept : src_step(values) {
      if (run.taps == 0) return;
      if (run.taps == 1)
        step = run.src_step;
      else if (count == 1)
        step = run.src_tap_step;
      positions = ((count - 1) * run.src_step + (run.taps - 1) * run.src_tap_step) / step + 1;
    }
  };
  Axis outer, inner;

  std::int64_t vectors() const noexcept { return outer.positions * inner.positions; }  // a channel
  std::int64_t plane() const noexcept { return vectors() * L; }
  std::int64_t outer_step() const noexcept { return inner.positions * L; }

  // lacks_first, lacks_last: of the inner axis; left as it is.
  void fill(const float* src, std::int64_t src_plane, std::int64_t channels, bool lacks_first, bool lacks_last,
            float* to) const noexcept {
    const std::int64_t begin = lacks_first ? 1 : 0, end = inner.positions - (lacks_last ? 1 : 0);
    for (std::int64_t c = 0; c < channels; ++c, src += src_plane)
      for (std::int64_t o = 0; o < outer.positions; ++o, to += outer_step()) {
        const float* from = src + o * outer.step * outer.src_step;
        for (std::int64_t i = begin; i < end; ++i)
          store<Arch>(to + i * L, load<Arch>(from + i * inner.step * inner.src_step));
      }
  }
};

// Whether channels that are `plane` values apart fall on so few sets of the first cache (64 of them, eight ways) that
// they push each other out.
template <class Arch>
bool channels_collide(std::int64_t plane, std::int64_t channels) noexcept {
  constexpr std::int64_t kSets = 64, kWays = 8, kLine = 16;
  std::int64_t distance = plane / kLine, offsets = kSets;
  for (; offsets > 1 && distance % 2 == 0; distance /= 2) offsets /= 2;
  return plane % kLine == 0 && channels > kWays * offsets;
}

}  // namespace hone::simd
