// The tile of a direct convolution of one image at a time: TP pixels x TV vectors of output channels in registers; for
// each input channel and tap it loads the TV weights and broadcasts the TP pixels, which may be any distance apart:
// along a row, or along a column where a run of columns is short. At the end the tile is transposed, four channels at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/kernels/simd/outer_product-inl.hpp"
#include "engine/kernels/simd/single_vector-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SingleConvTile {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  static constexpr int kMostVectors = 3;
  static constexpr int most_pixels(int tv) {
    return kMany ? (tv == 1 ? 16 : tv == 2 ? 14 : 9) : (tv == 1 ? 12 : tv == 2 ? 6 : 4);
  }

  struct Args {
    const float* src;  // first pixel, first tap
    std::int64_t src_plane, src_row_step, src_tap_step, src_pixel_step;
    const float* weights;  // first tap
    std::int64_t weights_plane, weights_row_step, weights_tap_step;
    std::int64_t channels, rows, taps;
    const float* bias;        // of the tile's channels; may be null
    std::int64_t stored;      // channels of the tile that exist
    bool src_far, dst_far;    // whether that is beyond the second cache
    std::int64_t fresh_rows;  // of taps: the last ones, which tiles above have not read
    bool relu;
    bool lacks_first, lacks_last;  // Taps::three: the first pixel, its first tap; the last pixel, its last tap
    float* dst;
    std::int64_t dst_plane, dst_pixel_step;
    std::int64_t src_ahead;  // kMany: from the first tap to the last that the next row of tiles, or a later one, reads
  };

  // Input channels that a tile adds up before others do; `begins`: the first of all, `ends`: the last.
  struct Range {
    std::int64_t first, count;
    bool begins, ends;
  };
  // What the tile has after a range that does not end it waits in `sums`, [pixels][channels]: kSums values at most.
  using Tile = void (*)(const Args&, const Range&, float* sums) noexcept;
  static constexpr int kSums = L * (kMany ? 28 : 12);

  // Taps of a row: any number; a kernel of one tap; three, as adjacent as the pixels, whose weights are
  // next to each other, too.
  enum class Taps { any, one, three };

  template <int W, int TP, int TV, bool kUnitStep>
  [[gnu::noinline]] static void tile(const Args& args, const Range& channels, float* sums) noexcept {
    static_assert(TP * TV * W <= kSums);
    const Range range = channels;  // copies: what is stored can't change them
    Args a = args;
    a.src += range.first * a.src_plane;
    a.weights += range.first * a.weights_plane;
    if (a.channels > 0) a.channels = range.count;
    if constexpr (!kMany) prefetch<TP>(a, range.ends);
    using F = Floats<Arch, W>;
    using V = typename F::V;
    constexpr std::size_t kAlign = sizeof(V);  // Floats' vectors are aligned as floats are, registers in memory are not
    alignas(kAlign) V acc[TP][TV];
    // body(sum, where it waits)
    const auto for_each_sum = [&](const auto& body) HONE_INLINE_LAMBDA {
      unroll<TP>([&](int p) HONE_INLINE_LAMBDA {
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { body(acc[p][v], sums + (p * TV + v) * W); });
      });
    };
    if (range.begins)
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA {
        const V bias = a.bias == nullptr ? V{} : F::load_part(a.bias + v * W, a.stored - v * W);
        unroll<TP>([&](int p) HONE_INLINE_LAMBDA { acc[p][v] = bias; });
      });
    else
      for_each_sum([](V& sum, const float* from) HONE_INLINE_LAMBDA { sum = F::load(from); });
    // Small tiles have too few sums to hide the latency of a multiply-add: they take several input channels at a time,
    // each with sums of its own.
    constexpr int kParts = TP * TV >= 8 ? 1 : TP * TV >= 4 ? 2 : 4;
    alignas(kAlign) V more[kParts > 1 ? kParts - 1 : 1][TP][TV] = {};
    const auto add = [&](auto taps) HONE_INLINE_LAMBDA {
      std::int64_t c = 0;
      for (; c + kParts <= a.channels; c += kParts)
        add_channels<W, TP, TV, kUnitStep, kParts, taps>(
            a, c, [&](int i) HONE_INLINE_LAMBDA -> auto& { return i == 0 ? acc : more[i - 1]; });
      if constexpr (kParts > 1)
        for (; c < a.channels; ++c)
          add_channels<W, TP, TV, kUnitStep, 1, taps>(
              a, c, [&](int) HONE_INLINE_LAMBDA -> auto& { return acc; });
    };
    const bool three = kUnitStep && a.taps == 3 && a.src_tap_step == 1 && a.weights_tap_step == W * TV;
    if constexpr (kUnitStep)
      if (three) add(std::integral_constant<Taps, Taps::three>());
    if (!three && a.rows == 1 && a.taps == 1)
      add(std::integral_constant<Taps, Taps::one>());
    else if (!three)
      add(std::integral_constant<Taps, Taps::any>());
    if constexpr (kParts > 1)
      unroll<kParts - 1>([&](int i) HONE_INLINE_LAMBDA {
        unroll<TP>([&](int p) HONE_INLINE_LAMBDA {
          unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[p][v] += more[i][p][v]; });
        });
      });
    const bool relu = range.ends && a.relu;
    for_each_sum([&](const V& sum, float* to) HONE_INLINE_LAMBDA { F::store(to, relu ? F::relu(sum) : sum); });
    if (range.ends) store_pixels<TP, TV * W>(sums, a);
  }

  // What later tiles of the row read and write, of each channel, where this tile begins a line.
  template <int TP>
  HONE_INLINE static void prefetch(const Args& a, bool writes) noexcept {
    constexpr std::int64_t kLine = 64, kAhead = kLine / sizeof(float);
    const auto begins_line = [](const float* at, std::int64_t step) HONE_INLINE_LAMBDA {
      const auto place = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(at) % kLine);
      return place < TP * step * static_cast<std::int64_t>(sizeof(float));
    };
    if (a.src_far && begins_line(a.src, a.src_pixel_step)) {
      const int lines = TP * a.src_pixel_step > kAhead ? 2 : 1;  // that pixels of a tile go over
      for (std::int64_t r = 1; r <= a.fresh_rows; ++r)
        for (int line = 1; line <= lines; ++line) {
          const float* at = a.src + (a.rows - r) * a.src_row_step + (a.taps - 1) * a.src_tap_step + line * kAhead;
          for (std::int64_t c = 0; c < a.channels; ++c, at += a.src_plane) __builtin_prefetch(at);
        }
    }
    if (writes && a.dst_far && begins_line(a.dst, a.dst_pixel_step)) {
      const float* at = a.dst + kAhead;
      for (std::int64_t k = 0; k < a.stored; ++k, at += a.dst_plane) __builtin_prefetch(at, 1);
    }
  }

  // dst[channel][pixel] = pixels[pixel][channel], of kWidth, for the channels that exist; where pixels are adjacent
  // four channels at a time.
  template <int TP, int kWidth>
  HONE_INLINE static void store_pixels(const float* pixels, const Args& a) noexcept {
    constexpr int kWide = TP > 8 && L >= 16 ? 16 : TP > 4 && L >= 8 ? 8 : 4;
    using F = Floats<Arch, kWide>;
    float* dst = a.dst;
    std::int64_t k = 0;
    if (TP > 1 && a.dst_pixel_step == 1)
      for (; k + 4 <= a.stored; k += 4, dst += 4 * a.dst_plane)
        unroll_constants<(TP + kWide - 1) / kWide>([&](auto i) HONE_INLINE_LAMBDA {
          constexpr int kFirst = i * kWide, kPixels = TP - kFirst < kWide ? TP - kFirst : kWide;
          typename F::V four[4];
          F::template load_columns<kPixels>(pixels + kFirst * kWidth + k, kWidth, four);
          unroll<4>([&](int j) HONE_INLINE_LAMBDA {
            F::template store_first<kPixels>(dst + j * a.dst_plane + kFirst, four[j]);
          });
        });
    for (; k < a.stored; ++k, dst += a.dst_plane)
      unroll<TP>([&](int p) HONE_INLINE_LAMBDA { dst[p * a.dst_pixel_step] = pixels[p * kWidth + k]; });
  }

  // One tap, of the wanted pixels.
  template <int W, int TP, int TV, class Wanted>
  HONE_INLINE static void add_tap(typename Floats<Arch, W>::V (&sums)[TP][TV], const float* src, std::int64_t step,
                                  const float* weights, const Wanted& wanted) noexcept {
    if constexpr (kHasOuterProduct<Arch>) {
      add_outer_product<Arch, Factors::streamed_values, TV, TP>(
          [&](int v) HONE_INLINE_LAMBDA { return weights + v * W; },
          [&](int p) HONE_INLINE_LAMBDA { return src + p * step; },
          [&](int v, int p) HONE_INLINE_LAMBDA -> auto& { return sums[p][v]; }, wanted);
    } else {
      using F = Floats<Arch, W>;
      typename F::V w[TV];
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { w[v] = F::load(weights + v * W); });
      unroll_early<TP>([&](int p) HONE_INLINE_LAMBDA {
        if (!wanted(p)) return;
        const auto x = F::broadcast_pinned(src + p * step);
        unroll_early<TV>([&](int v) HONE_INLINE_LAMBDA { sums[p][v] = F::fma(x, w[v], sums[p][v]); });
      });
    }
  }

  // The pixel after one, loaded anew.
  HONE_INLINE static const float* next(const float* pixel) noexcept {
    return kHasOuterProduct<Arch> ? pixel + 1 : opaque(pixel + 1);
  }

  // Input channels c ... c + kParts - 1, channel c + i to sums_of(i).
  template <int W, int TP, int TV, bool kUnitStep, int kParts, Taps kTaps, class Sums>
  HONE_INLINE static void add_channels(const Args& a, std::int64_t c, const Sums& sums_of) noexcept {
    const auto all = [](int) HONE_INLINE_LAMBDA { return true; };
    const std::int64_t step = kUnitStep ? 1 : a.src_pixel_step;
    const float *src_row = a.src + c * a.src_plane, *weights_row = a.weights + c * a.weights_plane;
    if constexpr (kMany) {
      unroll<kParts>([&](int i) HONE_INLINE_LAMBDA { __builtin_prefetch(src_row + i * a.src_plane + a.src_ahead); });
      if (c < a.stored) {  // what the tile writes, long before
        float* output = a.dst + c * a.dst_plane;
        __builtin_prefetch(output, 1);
        __builtin_prefetch(output + (TP - 1) * a.dst_pixel_step, 1);
      }
    }
    for (std::int64_t r = 0; r < (kTaps == Taps::one ? 1 : a.rows);
         ++r, src_row += a.src_row_step, weights_row += a.weights_row_step) {
      if constexpr (kTaps == Taps::three) {
        unroll_early<kParts>([&](int i) HONE_INLINE_LAMBDA {
          auto& sums = sums_of(i);
          const float *src = src_row + i * a.src_plane, *weights = weights_row + i * a.weights_plane;
          add_tap<W>(sums, src, 1, weights, [&](int p) HONE_INLINE_LAMBDA { return p > 0 || !a.lacks_first; });
          src = next(src);
          add_tap<W>(sums, src, 1, weights + W * TV, all);
          src = next(src);
          add_tap<W>(sums, src, 1, weights + 2 * W * TV,
                     [&](int p) HONE_INLINE_LAMBDA { return p + 1 < TP || !a.lacks_last; });
        });
      } else {
        const float *src = src_row, *weights = weights_row;
        std::int64_t left = kTaps == Taps::one ? 1 : a.taps;
        while (left-- > 0) {
          unroll_early<kParts>([&](int i) HONE_INLINE_LAMBDA {
            add_tap<W>(sums_of(i), src + i * a.src_plane, step, weights + i * a.weights_plane, all);
          });
          src += a.src_tap_step;
          weights += a.weights_tap_step;
        }
      }
    }
  }

  template <int W, int TV, bool kUnitStep, int... P>
  static Tile tile_of(std::int64_t pixels, std::integer_sequence<int, P...>) noexcept {
    static constexpr Tile kTiles[] = {tile<W, P + 1, TV, kUnitStep>...};
    return kTiles[pixels - 1];
  }
};

}  // namespace hone::simd
