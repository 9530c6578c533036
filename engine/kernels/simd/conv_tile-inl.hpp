// The tile of a direct convolution: TP pixels x TK output channels in registers; for each input channel and tap it
// loads the TP pixels (a vector of images each) and broadcasts the TK weights.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct ConvTile {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  // Pixels a tile by output channels a tile: accumulators, the pixels and a weight fill the registers.
  static constexpr int most_pixels(int tk) {
    return kMany ? (tk <= 2 ? 8 : tk == 4 ? 6 : 5) : (tk == 1 ? 7 : tk == 2 ? 4 : tk == 4 ? 3 : 2);
  }

  struct Args {
    const float* src;  // first pixel, first tap
    std::int64_t src_plane, src_row_step, src_tap_step, src_pixel_step;
    const float* weights;  // first tap
    std::int64_t weights_plane, weights_row_step, weights_tap_step;
    std::int64_t channels, rows, taps;
    const float* prefetch;  // what a later tile reads of the first channel
    std::int64_t prefetch_plane;
    const float* bias;  // of the tile's channels; may be null
    bool accumulate;    // start from what dst holds instead of the bias
    bool relu;
    float* dst;
    std::int64_t dst_plane, dst_pixel_step;
    std::int64_t stored;  // channels of the tile that exist
  };
  using Tile = void (*)(const Args&) noexcept;

  template <int TP, int TK>
  HONE_INLINE static void add_tap(V (&acc)[TP][TK], const float* src, std::int64_t step,
                                  const float* weights) noexcept {
    V x[TP];
    unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { x[p] = load_pinned<Arch>(src + p * step); });
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      const V w = broadcast_pinned<Arch>(weights + k);
      unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = fma<Arch>(x[p], w, acc[p][k]); });
    });
  }

  template <int TP, int TK, bool kUnitStep>
  [[gnu::noinline]] static void tile(const Args& args) noexcept {
    const Args a = args;  // a copy: what is stored to dst can't change it
    V acc[TP][TK];
    if (a.accumulate)
      unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
        const float* dst = a.dst + (k < a.stored ? k : 0) * a.dst_plane;
        unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = load<Arch>(dst + p * a.dst_pixel_step); });
      });
    else
      unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
        const V bias(a.bias != nullptr && k < a.stored ? a.bias[k] : 0.0f);
        unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = bias; });
      });
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TP>([&](auto p) HONE_INLINE_LAMBDA {
        __builtin_prefetch(a.dst + (k + TK) * a.dst_plane + p * a.dst_pixel_step, 1);
      });
    });
    const std::int64_t step = kUnitStep ? L : a.src_pixel_step;
    const float *src_channel = a.src, *weights_channel = a.weights, *prefetch = a.prefetch;
    if (a.rows == 1 && a.taps == 1)
      for (std::int64_t c = 0; c < a.channels; ++c) {
        __builtin_prefetch(prefetch);
        add_tap<TP, TK>(acc, src_channel, step, weights_channel);
        src_channel += a.src_plane;
        weights_channel += a.weights_plane;
        prefetch += a.prefetch_plane;
      }
    else
      for (std::int64_t c = 0; c < a.channels; ++c) {
        const float *src_row = src_channel, *weights_row = weights_channel;
        __builtin_prefetch(prefetch);
        for (std::int64_t r = 0; r < a.rows; ++r) {
          const float *src = src_row, *weights = weights_row;
          for (std::int64_t s = 0; s < a.taps; ++s) {
            add_tap<TP, TK>(acc, src, step, weights);
            src += a.src_tap_step;
            weights += a.weights_tap_step;
          }
          src_row += a.src_row_step;
          weights_row += a.weights_row_step;
        }
        src_channel += a.src_plane;
        weights_channel += a.weights_plane;
        prefetch += a.prefetch_plane;
      }
    if (a.relu)
      unroll<TP>([&](auto p) HONE_INLINE_LAMBDA {
        unroll<TK>([&](auto k) HONE_INLINE_LAMBDA { acc[p][k] = relu<Arch>(acc[p][k]); });
      });
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      if (k < a.stored)
        unroll<TP>([&](auto p)
                       HONE_INLINE_LAMBDA { store<Arch>(a.dst + k * a.dst_plane + p * a.dst_pixel_step, acc[p][k]); });
    });
  }

  template <int TK, bool kUnitStep, int... P>
  static Tile tile_of(std::int64_t pixels, std::integer_sequence<int, P...>) noexcept {
    static constexpr Tile kTiles[] = {tile<P + 1, TK, kUnitStep>...};
    return kTiles[pixels - 1];
  }

  template <int TK>
  static Tile tile_of(std::int64_t pixels, bool unit_step) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, most_pixels(TK)>{};
    return unit_step ? tile_of<TK, true>(pixels, sequence) : tile_of<TK, false>(pixels, sequence);
  }
};

}  // namespace hone::simd
