// Direct convolution of one image at a time into a few channels, which would leave most of a vector of channels empty:
// depthwise layers, the gradient of an image of one channel. Vectors run along rows of the output; a tile is all
// channels of a group x the same pixels of some rows. A row's last vector may do some of its pixels once more. Where
// columns at the ends of a row have taps on padding, rows are copied with zeros for it: a column by itself would be
// done pixel by pixel.
#pragma once

#include "engine/kernels/simd/single_vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct SingleConvNarrow {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  static constexpr int kMost = 4;  // channels

  static bool suits(std::int64_t dst_channels) noexcept { return dst_channels <= kMost; }

  struct RowsArgs {
    const float* src;  // first pixel, first tap
    std::int64_t src_plane, src_row_step, src_tap_step, src_pixel_step;
    const float* weights;  // first tap
    std::int64_t weights_dst, weights_src, weights_row_step, weights_tap_step;
    std::int64_t channels, rows, taps;
    const float* bias;  // may be null
    bool relu;
    float* dst;
    std::int64_t dst_plane, dst_pixel_step, pixels;
    std::int64_t src_next, dst_next;  // from a row of outputs to the next
  };
  using Rows = void (*)(const RowsArgs&) noexcept;

  template <int W, int kStep>
  HONE_INLINE static auto load_pixels(const float* src, [[maybe_unused]] std::int64_t step) noexcept {
    using F = Floats<Arch, W>;
    if constexpr (kStep == 1) {
      return F::load(src);
    } else if constexpr (kStep == 2) {
      return F::even(F::load(src), F::load(src + W - 1));  // nothing behind the last is read
    } else {
      typename F::V x;
      unroll<W>([&](int i) HONE_INLINE_LAMBDA { x[i] = src[i * step]; });
      return x;
    }
  }

  // Vectors of the pixels from `first` on, of TV rows.
  template <int W, int TK, int TV, int kStep>
  HONE_INLINE static void tile(const RowsArgs& a, std::int64_t first) noexcept {
    using F = Floats<Arch, W>;
    using V = typename F::V;
    V acc[TK][TV];
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = F::broadcast(a.bias == nullptr ? 0.0f : a.bias[k]); });
    });
    for (std::int64_t c = 0; c < a.channels; ++c)
      for (std::int64_t r = 0; r < a.rows; ++r) {
        const float* src = a.src + first * a.src_pixel_step + c * a.src_plane + r * a.src_row_step;
        const float* weights = a.weights + c * a.weights_src + r * a.weights_row_step;
        for (std::int64_t s = 0; s < a.taps; ++s, src += a.src_tap_step, weights += a.weights_tap_step) {
          V x[TV];
          unroll_early<TV>(
              [&](int v) HONE_INLINE_LAMBDA { x[v] = load_pixels<W, kStep>(src + v * a.src_next, a.src_pixel_step); });
          unroll_early<TK>([&](int k) HONE_INLINE_LAMBDA {
            const V w = F::broadcast_pinned(weights + k * a.weights_dst);
            unroll_early<TV>([&](int v) HONE_INLINE_LAMBDA { acc[k][v] = F::fma(x[v], w, acc[k][v]); });
          });
        }
      }
    unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA {
        float* dst = a.dst + k * a.dst_plane + v * a.dst_next + first * a.dst_pixel_step;
        const V y = a.relu ? F::relu(acc[k][v]) : acc[k][v];
        if (a.dst_pixel_step == 1)
          F::store(dst, y);
        else
          unroll<W>([&](int i) HONE_INLINE_LAMBDA { dst[i * a.dst_pixel_step] = y[i]; });
      });
    });
  }

  static float pixel(const RowsArgs& a, std::int64_t k, std::int64_t row, std::int64_t number) noexcept {
    float sum = a.bias == nullptr ? 0.0f : a.bias[k];
    for (std::int64_t c = 0; c < a.channels; ++c)
      for (std::int64_t r = 0; r < a.rows; ++r)
        for (std::int64_t s = 0; s < a.taps; ++s)
          sum += a.src[row * a.src_next + number * a.src_pixel_step + c * a.src_plane + r * a.src_row_step +
                       s * a.src_tap_step] *
                 a.weights[k * a.weights_dst + c * a.weights_src + r * a.weights_row_step + s * a.weights_tap_step];
    return a.relu && sum < 0.0f ? 0.0f : sum;
  }

  // All pixels, of which there are W or more: the last vector starts where it ends with them.
  template <int W, int TK, int TV, int kStep>
  HONE_INLINE static void cover(const RowsArgs& a) noexcept {
    for (std::int64_t i = 0; i < a.pixels; i += W) tile<W, TK, TV, kStep>(a, i + W <= a.pixels ? i : a.pixels - W);
  }

  template <int TK, int TV, int kStep>
  [[gnu::noinline]] static void rows(const RowsArgs& a) noexcept {
    constexpr int kWide = kStep == 0 ? 4 : L;  // pixels that are loaded one by one gain nothing from a wider vector
    if (a.pixels >= kWide) return cover<kWide, TK, TV, kStep>(a);
    if constexpr (kWide > 4)
      if (a.pixels >= 4) return cover<4, TK, TV, kStep>(a);
    for (std::int64_t i = 0; i < a.pixels; ++i)
      for (std::int64_t k = 0; k < TK; ++k)
        for (std::int64_t v = 0; v < TV; ++v)
          a.dst[k * a.dst_plane + v * a.dst_next + i * a.dst_pixel_step] = pixel(a, k, v, i);
  }

  static constexpr int kRows = kRegisters<Arch> >= 32 ? 4 : 3;

  template <int TV, int... K>
  static Rows rows_of(std::int64_t channels, std::int64_t step, std::integer_sequence<int, K...>) noexcept {
    static constexpr Rows kTable[][kMost] = {{rows<K + 1, TV, 0>...}, {rows<K + 1, TV, 1>...}, {rows<K + 1, TV, 2>...}};
    return kTable[step <= 2 ? step : 0][channels - 1];
  }

  // A group's rows of the input, from number `first_row` on; its output.
  struct Source {
    const float* rows;
    std::int64_t first_row, plane, width;
  };
  struct Target {
    float* image;
    std::int64_t channels, plane, width;
  };

  // A group's weights: index 0 of the kernel as runs count it, and the steps from there.
  struct Weights {
    const float* first;
    std::int64_t row_step, column_step;
  };

  // Outputs [begin, end) of a run of rows, in a run of columns.
  static void run_rows(RowsArgs a, const AxisRun& run, const AxisRun& columns, std::int64_t begin, std::int64_t end,
                       const Source& src, const Weights& weights, const Target& dst) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kMost>{};
    if (run.taps == 0 || columns.taps == 0) a.channels = 0;
    a.rows = run.taps;
    a.taps = columns.taps;
    a.src_plane = src.plane;
    a.src_row_step = run.src_tap_step * src.width;
    a.src_tap_step = columns.src_tap_step;
    a.src_pixel_step = columns.src_step;
    a.src_next = run.src_step * src.width;
    a.weights = weights.first + run.tap_first * weights.row_step + columns.tap_first * weights.column_step;
    a.weights_row_step = run.tap_step * weights.row_step;
    a.weights_tap_step = columns.tap_step * weights.column_step;
    a.dst_plane = dst.plane;
    a.dst_pixel_step = columns.out_step;
    a.dst_next = run.out_step * dst.width;
    a.pixels = columns.count;
    const Rows some = rows_of<kRows>(dst.channels, columns.src_step, sequence);
    const Rows one = rows_of<1>(dst.channels, columns.src_step, sequence);
    for (std::int64_t i = begin; i < end;) {
      const bool all = i + kRows <= end;
      a.src = src.rows + (run.src_first + i * run.src_step - src.first_row) * src.width + columns.src_first;
      a.dst = dst.image + (run.out_first + i * run.out_step) * dst.width + columns.out_first;
      (all ? some : one)(a);
      i += all ? kRows : 1;
    }
  }

  // A row as a copy has it: with zeros where taps read padding, so that all of its outputs are one run.
  struct PaddedRow {
    bool possible = false;
    AxisRun columns;
    std::int64_t left = 0, width = 0;  // zeros before the first position; all

    PaddedRow(const std::vector<AxisRun>& runs, std::int64_t taps, std::int64_t src_width, std::int64_t dst_width) {
      for (const AxisRun& run : runs) {
        if (runs.size() == 1 || run.taps != taps || run.out_step != 1 || run.src_tap_step < 0) continue;
        columns = run;
        const std::int64_t first = run.src_first - run.out_first * run.src_step;
        const std::int64_t end = first + (dst_width - 1) * run.src_step + (taps - 1) * run.src_tap_step + 1;
        possible = first <= 0;
        left = -first;
        width = left + (end > src_width ? end : src_width);
        columns.out_first = columns.src_first = 0;
        columns.count = dst_width;
      }
    }
  };

  static constexpr std::int64_t kCopyValues = 4096;  // half of a first cache

  // Rows of an output that are done from one copy of their rows of the input; 0: there is no room for any.
  static std::int64_t rows_at_a_time(const AxisRun& run, const PaddedRow& row, std::int64_t channels) noexcept {
    const std::int64_t inputs = kCopyValues / (row.width * channels) - (run.taps - 1) * run.src_tap_step - 1;
    return inputs < 0 ? 0 : inputs / run.src_step + 1;
  }

  // d: SingleConv's direction; weights_dst, weights_src: steps from a group's channel to the next in the weights.
  template <class Direction>
  static void run(const Direction& d, const float* weights, std::int64_t weights_dst, std::int64_t weights_src,
                  const float* src, float* dst, std::int64_t blocks) noexcept {
    RowsArgs a;
    a.channels = d.src.channels;
    a.weights_dst = weights_dst;
    a.weights_src = weights_src;
    a.relu = d.relu;
    const std::int64_t src_plane = d.src.plane();
    const PaddedRow padded(d.columns, d.s, d.src.w, d.dst.w);
    alignas(64) float copy[kCopyValues];
    if (padded.possible)
      for (float& value : copy) value = 0;
    for (std::int64_t n = 0; n < blocks * d.groups; ++n) {
      const std::int64_t group = n % d.groups;
      const float* kernels = weights + group * d.src.channels * d.dst.channels * d.r * d.s;
      const Weights group_weights = d.backward ? Weights{kernels + d.r * d.s - 1, -d.s, -1} : Weights{kernels, d.s, 1};
      a.bias = d.bias == nullptr ? nullptr : d.bias + group * d.dst.channels;
      const Target target{dst, d.dst.channels, d.dst.plane(), d.dst.w};
      for (const AxisRun& run : d.rows) {
        const std::int64_t at_a_time =
            padded.possible && run.taps > 0 ? rows_at_a_time(run, padded, d.src.channels) : 0;
        if (at_a_time == 0)
          for (const AxisRun& columns : d.columns)
            run_rows(a, run, columns, 0, run.count, {src, 0, src_plane, d.src.w}, group_weights, target);
        else
          split_evenly(run.count, at_a_time, [&](std::int64_t first, std::int64_t count) {
            const std::int64_t first_row = run.src_first + first * run.src_step;
            const std::int64_t rows = (count - 1) * run.src_step + (run.taps - 1) * run.src_tap_step + 1;
            for (std::int64_t c = 0; c < d.src.channels; ++c)
              for (std::int64_t i = 0; i < rows; ++i)
                copy_row(src + c * src_plane + (first_row + i) * d.src.w, d.src.w,
                         copy + (c * rows + i) * padded.width + padded.left);
            run_rows(a, run, padded.columns, first, first + count, {copy, first_row, rows * padded.width, padded.width},
                     group_weights, target);
          });
      }
      src += d.src.channels * src_plane;
      dst += d.dst.channels * target.plane;
    }
  }

  static void copy_row(const float* from, std::int64_t count, float* to) noexcept {
    if (count < L) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
      return;
    }
    using F = Floats<Arch, L>;
    for (std::int64_t i = 0; i < count; i += L) {
      const std::int64_t at = i + L <= count ? i : count - L;
      F::store(to + at, F::load(from + at));
    }
  }
};

}  // namespace hone::simd
