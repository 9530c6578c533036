// Direct convolution of one image at a time into a few channels, which would leave most of a vector of channels empty:
// depthwise layers, the gradient of an image of one channel. Vectors run along rows of the output; a tile is all
// channels of a group x the same pixels of some rows. A row's last vector may do some of its pixels once more.
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
      unroll<W>([&](auto i) HONE_INLINE_LAMBDA { x[int{i}] = src[i * step]; });
      return x;
    }
  }

  // Vectors of the pixels from `first` on, of TV rows.
  template <int W, int TK, int TV, int kStep>
  HONE_INLINE static void tile(const RowsArgs& a, std::int64_t first) noexcept {
    using F = Floats<Arch, W>;
    using V = typename F::V;
    V acc[TK][TV];
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { acc[k][v] = F::broadcast(a.bias == nullptr ? 0.0f : a.bias[k]); });
    });
    for (std::int64_t c = 0; c < a.channels; ++c)
      for (std::int64_t r = 0; r < a.rows; ++r) {
        const float* src = a.src + first * a.src_pixel_step + c * a.src_plane + r * a.src_row_step;
        const float* weights = a.weights + c * a.weights_src + r * a.weights_row_step;
        for (std::int64_t s = 0; s < a.taps; ++s, src += a.src_tap_step, weights += a.weights_tap_step) {
          V x[TV];
          unroll<TV>([&](auto v)
                         HONE_INLINE_LAMBDA { x[v] = load_pixels<W, kStep>(src + v * a.src_next, a.src_pixel_step); });
          unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
            const V w = F::broadcast_pinned(weights + k * a.weights_dst);
            unroll<TV>([&](auto v) HONE_INLINE_LAMBDA { acc[k][v] = F::fma(x[v], w, acc[k][v]); });
          });
        }
      }
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TV>([&](auto v) HONE_INLINE_LAMBDA {
        float* dst = a.dst + k * a.dst_plane + v * a.dst_next + first * a.dst_pixel_step;
        const V y = a.relu ? F::relu(acc[k][v]) : acc[k][v];
        if (a.dst_pixel_step == 1)
          F::store(dst, y);
        else
          unroll<W>([&](auto i) HONE_INLINE_LAMBDA { dst[i * a.dst_pixel_step] = y[int{i}]; });
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

  template <int TK, int TV, int kStep>
  [[gnu::noinline]] static void rows(const RowsArgs& a) noexcept {
    std::int64_t i = 0;
    for (; i + L <= a.pixels; i += L) tile<L, TK, TV, kStep>(a, i);
    if (i == a.pixels) return;
    if (a.pixels >= L) return tile<L, TK, TV, kStep>(a, a.pixels - L);
    if constexpr (L > 4) {
      for (; i + 4 <= a.pixels; i += 4) tile<4, TK, TV, kStep>(a, i);
      if (i == a.pixels) return;
      if (a.pixels >= 4) return tile<4, TK, TV, kStep>(a, a.pixels - 4);
    }
    for (; i < a.pixels; ++i)
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

  // d: SingleConv's direction; weights_dst, weights_src: steps from a group's channel to the next in the weights.
  template <class Direction>
  static void run(const Direction& d, const float* weights, std::int64_t weights_dst, std::int64_t weights_src,
                  const float* src, float* dst, std::int64_t blocks) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kMost>{};
    RowsArgs a;
    a.src_plane = d.src.plane();
    a.dst_plane = d.dst.plane();
    a.weights_dst = weights_dst;
    a.weights_src = weights_src;
    a.relu = d.relu;
    for (std::int64_t n = 0; n < blocks * d.groups; ++n) {
      const std::int64_t group = n % d.groups;
      const float* group_weights = weights + group * d.src.channels * d.dst.channels * d.r * d.s;
      a.bias = d.bias == nullptr ? nullptr : d.bias + group * d.dst.channels;
      for (const AxisRun& run : d.rows)
        for (const AxisRun& columns : d.columns) {
          a.channels = run.taps == 0 || columns.taps == 0 ? 0 : d.src.channels;
          a.rows = run.taps;
          a.taps = columns.taps;
          a.src_row_step = run.src_tap_step * d.src.w;
          a.src_tap_step = columns.src_tap_step;
          a.src_pixel_step = columns.src_step;
          a.src_next = run.src_step * d.src.w;
          a.weights = group_weights + run.tap_first * d.s + columns.tap_first;
          a.weights_row_step = run.tap_step * d.s;
          a.weights_tap_step = columns.tap_step;
          a.dst_pixel_step = columns.out_step;
          a.dst_next = run.out_step * d.dst.w;
          a.pixels = columns.count;
          const Rows some = rows_of<kRows>(d.dst.channels, columns.src_step, sequence);
          const Rows one = rows_of<1>(d.dst.channels, columns.src_step, sequence);
          for (std::int64_t i = 0; i < run.count;) {
            const bool all = i + kRows <= run.count;
            a.src = src + run.src_first * d.src.w + columns.src_first + i * a.src_next;
            a.dst = dst + run.out_first * d.dst.w + columns.out_first + i * a.dst_next;
            (all ? some : one)(a);
            i += all ? kRows : 1;
          }
        }
      src += d.src.channels * a.src_plane;
      dst += d.dst.channels * a.dst_plane;
    }
  }
};

}  // namespace hone::simd
