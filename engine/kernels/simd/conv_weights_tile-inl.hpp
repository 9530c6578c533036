// Tiles of the weights' gradient (conv_weights-inl.hpp): TK output channels x some pairs (input channel, column tap) of
// one row of taps in registers, over some rows of outputs. Both factors are vectors over images.
#pragma once

#include "engine/kernels/simd/outer_product-inl.hpp"
#include "engine/kernels/simd/tap_range-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeightsTile {
  using V = Vec<Arch>;
  using Range = TapRange<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  // Output channels, and pairs, of a tile of any taps. (Where multiply-adds are not fused, products take registers.)
  static constexpr int kAnyMostOut = kMany ? 5 : kLanes<Arch> > 4 ? 4 : 3, kMostPairs = kMany ? 5 : 3;
  static constexpr int kThreeMostOut = 4, kThreeMostIn = kMany ? 2 : 1;  // output, input channels of one of three taps
  static constexpr int kMostOut = kAnyMostOut > kThreeMostOut ? kAnyMostOut : kThreeMostOut;
  static constexpr int kMostSums = kMostOut * kMostPairs;
  static_assert(3 * kThreeMostOut * kThreeMostIn <= kMostSums);

  struct Args {
    const float* src;                // pair 0, output row 0, first column
    const std::int64_t* src_offset;  // of each pair; three taps: of each input channel
    const float* diff;
    std::int64_t diff_plane;
    std::int64_t src_row, diff_row, src_pixel;  // steps
    std::int64_t columns;
    Range rows;
    bool lacks_first, lacks_last;  // three taps: the first pixel of a row, its first tap; the last pixel, its last tap
    bool accumulate;               // start from what sums holds instead of zero
    float* sums;                   // [TK][pairs][lanes]
  };
  using Tile = void (*)(const Args&) noexcept;

  // What a tile's pairs have in common: nothing; taps of a convolution without stride; such taps of one channel, two or
  // three next to each other; all three taps of each channel, and no others.
  enum class Pairs { any, unit_step, adjacent, three };

  // ---- pairs of any taps

  // Small tiles have too few sums to hide the latency of a multiply-add: they take several pixels at a time, each with
  // sums of its own.
  template <int TK, int TJ, bool kUnitStep>
  [[gnu::noinline]] static void tile(const Args& args) noexcept {
    const Args a = args;  // what is stored can't change it
    constexpr int kPixels = TK * TJ == 1 ? 4 : TK * TJ < 4 ? 2 : 1;
    V acc[TK * TJ], more[kPixels - 1 > 0 ? kPixels - 1 : 1][TK * TJ];
    unroll<TK * TJ>([&](int i) HONE_INLINE_LAMBDA {
      acc[i] = a.accumulate ? load<Arch>(a.sums + i * L) : V(0.0f);
      unroll<kPixels - 1>([&](int p) HONE_INLINE_LAMBDA { more[p][i] = V(0.0f); });
    });
    std::int64_t offset[TJ];
    unroll<TJ>([&](int j) HONE_INLINE_LAMBDA { offset[j] = a.src_offset[j]; });
    const std::int64_t step = kUnitStep ? L : a.src_pixel;
    const std::int64_t plane = a.diff_plane;
    for (std::int64_t row = a.rows.first; row < a.rows.end; ++row) {
      const float* src = a.src + row * a.src_row;
      const float* diff = a.diff + row * a.diff_row;
      const auto add = [&](V* sums, const float* x_pixel, const float* d_pixel) HONE_INLINE_LAMBDA {
        const auto read_x = [&](int j) HONE_INLINE_LAMBDA { return load_pinned<Arch>(x_pixel + offset[j]); };
        const auto read_d = [&](int k) HONE_INLINE_LAMBDA { return load_pinned<Arch>(d_pixel + k * plane); };
        if constexpr (TJ < TK) {  // the fewer ones stay in registers
          V x[TJ];
          unroll<TJ>([&](int j) HONE_INLINE_LAMBDA { x[j] = read_x(j); });
          unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
            const V d = read_d(k);
            unroll<TJ>([&](int j) HONE_INLINE_LAMBDA { sums[k * TJ + j] = fma<Arch>(d, x[j], sums[k * TJ + j]); });
          });
        } else {
          V d[TK];
          unroll<TK>([&](int k) HONE_INLINE_LAMBDA { d[k] = read_d(k); });
          unroll<TJ>([&](int j) HONE_INLINE_LAMBDA {
            const V x = read_x(j);
            unroll<TK>([&](int k) HONE_INLINE_LAMBDA { sums[k * TJ + j] = fma<Arch>(d[k], x, sums[k * TJ + j]); });
          });
        }
      };
      std::int64_t i = 0;
      for (; i + kPixels <= a.columns; i += kPixels, src += kPixels * step, diff += kPixels * L) {
        add(acc, src, diff);
        unroll<kPixels - 1>([&](int p) HONE_INLINE_LAMBDA { add(more[p], src + (p + 1) * step, diff + (p + 1) * L); });
      }
      for (; i < a.columns; ++i, src += step, diff += L) add(acc, src, diff);
    }
    unroll<kPixels - 1>(
        [&](int p) HONE_INLINE_LAMBDA { unroll<TK * TJ>([&](int i) HONE_INLINE_LAMBDA { acc[i] += more[p][i]; }); });
    unroll<TK * TJ>([&](int i) HONE_INLINE_LAMBDA { store<Arch>(a.sums + i * L, acc[i]); });
  }

  // ---- three adjacent taps of TC input channels: a pixel of the input is loaded once for all of them, and stays for
  // two more pixels of the output. Those at an end of a row may lack the tap that is on padding.

  static bool suits_three(const ConvShape& p) noexcept {
    return p.s == 3 && p.stride_w == 1 && p.dilation_w == 1 && p.pad_w <= 1 && p.out_w >= 2 &&
           p.out_w + 2 <= p.w + 2 * p.pad_w;
  }

  // Taps kFirst ... kEnd - 1 of an output pixel; tap s reads x[c][(kTurn + s) % 3].
  template <int kTurn, int kFirst, int kEnd, int TK, int TC>
  HONE_INLINE static void add_three(V (&acc)[TK][TC][3], const V (&x)[TC][3], const float* diff,
                                    std::int64_t plane) noexcept {
    unroll_early<TK>([&](int k) HONE_INLINE_LAMBDA {
      const V d = load_pinned<Arch>(diff + k * plane);
      unroll_early<TC>([&](int c) HONE_INLINE_LAMBDA {
        unroll_early<kEnd - kFirst>([&](int i) HONE_INLINE_LAMBDA {
          const int tap = kFirst + i;
          acc[k][c][tap] = fma<Arch>(d, x[c][(kTurn + tap) % 3], acc[k][c][tap]);
        });
      });
    });
  }

  // A row of outputs. src: of each channel, position 0: what the first pixel's first tap reads.
  template <int TK, int TC>
  HONE_INLINE static void add_row_of_three(const Args& a, V (&acc)[TK][TC][3], const float* (&src)[TC],
                                           const float* diff) noexcept {
    V x[TC][3];
    // Brings in position `at` of the row.
    const auto read = [&](auto slot, std::int64_t at) HONE_INLINE_LAMBDA {
      unroll<TC>([&](int c) HONE_INLINE_LAMBDA { x[c][slot] = load_pinned<Arch>(src[c] + at * L); });
    };
    constexpr std::integral_constant<int, 0> kFirst;
    constexpr std::integral_constant<int, 1> kSecond;
    constexpr std::integral_constant<int, 2> kThird;
    std::int64_t i = 0;  // positions i, i + 1 are in the first two slots
    if (a.lacks_first) {
      read(kFirst, 1);
      read(kSecond, 2);
      add_three<2, 1, 3>(acc, x, diff, a.diff_plane);
      i = 1;
    } else {
      read(kFirst, 0);
      read(kSecond, 1);
    }
    const std::int64_t end = a.lacks_last ? a.columns - 1 : a.columns;
    for (; i + 3 <= end; i += 3) {
      read(kThird, i + 2);
      add_three<0, 0, 3>(acc, x, diff + i * L, a.diff_plane);
      read(kFirst, i + 3);
      add_three<1, 0, 3>(acc, x, diff + (i + 1) * L, a.diff_plane);
      read(kSecond, i + 4);
      add_three<2, 0, 3>(acc, x, diff + (i + 2) * L, a.diff_plane);
    }
    for (; i < end; ++i) {
      read(kThird, i + 2);
      add_three<0, 0, 3>(acc, x, diff + i * L, a.diff_plane);
      unroll<TC>([&](int c) HONE_INLINE_LAMBDA {
        x[c][0] = x[c][1];
        x[c][1] = x[c][2];
      });
    }
    if (a.lacks_last) add_three<0, 0, 2>(acc, x, diff + i * L, a.diff_plane);
  }

  template <int TK, int TC>
  [[gnu::noinline]] static void three(const Args& args) noexcept {
    const Args a = args;  // what is stored can't change it
    V acc[TK][TC][3];
    const auto for_each_sum = [&](const auto& body) HONE_INLINE_LAMBDA {
      unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
        unroll<TC>([&](int c) HONE_INLINE_LAMBDA {
          unroll<3>([&](int s) HONE_INLINE_LAMBDA { body(acc[k][c][s], a.sums + ((k * TC + c) * 3 + s) * L); });
        });
      });
    };
    if (a.accumulate)
      for_each_sum([](V& sum, const float* at) HONE_INLINE_LAMBDA { sum = load<Arch>(at); });
    else
      for_each_sum([](V& sum, const float*) HONE_INLINE_LAMBDA { sum = V(0.0f); });
    const float* channels[TC];
    unroll<TC>([&](int c) HONE_INLINE_LAMBDA { channels[c] = a.src + a.src_offset[c]; });
    for (std::int64_t row = a.rows.first; row < a.rows.end; ++row) {
      const float* src[TC];
      unroll<TC>([&](int c) HONE_INLINE_LAMBDA { src[c] = channels[c] + row * a.src_row; });
      const float* diff = a.diff + row * a.diff_row;
      add_row_of_three(a, acc, src, diff);
    }
    for_each_sum([](const V& sum, float* at) HONE_INLINE_LAMBDA { store<Arch>(at, sum); });
  }

  // ---- adjacent taps of one channel, in registers of their own: what an output pixel reads stays for the next one

  template <int TK, int TJ>
  [[gnu::noinline]] static void adjacent(const Args& args) noexcept {
    const Args a = args;  // what is stored can't change it
    V acc[TK][TJ];
    const auto for_each_sum = [&](const auto& body) HONE_INLINE_LAMBDA {
      unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
        unroll<TJ>([&](int j) HONE_INLINE_LAMBDA { body(acc[k][j], a.sums + (k * TJ + j) * L); });
      });
    };
    if (a.accumulate)
      for_each_sum([](V& sum, const float* at) HONE_INLINE_LAMBDA { sum = load<Arch>(at); });
    else
      for_each_sum([](V& sum, const float*) HONE_INLINE_LAMBDA { sum = V(0.0f); });
    const std::int64_t full = a.columns - (a.lacks_first ? 1 : 0) - (a.lacks_last ? 1 : 0);
    for (std::int64_t row = a.rows.first; row < a.rows.end; ++row) {
      const float* src = a.src + a.src_offset[0] + row * a.src_row;
      const float* diff = a.diff + row * a.diff_row;
      const auto add = [&](auto pixels, auto lacks) HONE_INLINE_LAMBDA {
        add_correlation<Arch, Factors::vectors, lacks, pixels, TJ, TK>(
            [&](int at) HONE_INLINE_LAMBDA { return src + at * L; },
            [&](int i, int k) HONE_INLINE_LAMBDA { return diff + i * L + k * a.diff_plane; },
            [&](int j, int k) HONE_INLINE_LAMBDA -> auto& { return acc[k][j].data; });
        src += pixels * L;
        diff += pixels * L;
      };
      constexpr std::integral_constant<int, 1> kOne;
      constexpr std::integral_constant<int, 3> kThree;
      constexpr std::integral_constant<Lacks, Lacks::nothing> kNothing;
      if (a.lacks_first) add(kOne, std::integral_constant<Lacks, Lacks::first>{});
      std::int64_t left = full;
      for (; left >= 3; left -= 3) add(kThree, kNothing);
      for (; left > 0; --left) add(kOne, kNothing);
      if (a.lacks_last) add(kOne, std::integral_constant<Lacks, Lacks::last>{});
    }
    for_each_sum([](const V& sum, float* at) HONE_INLINE_LAMBDA { store<Arch>(at, sum); });
  }

  // ---- choice

  // Output channels a tile.
  static std::int64_t most_out(const ConvShape& p) noexcept { return suits_three(p) ? kThreeMostOut : kAnyMostOut; }

  template <bool kUnitStep, int... I>
  static Tile any_of(std::int64_t tk, std::int64_t tj, std::integer_sequence<int, I...>) noexcept {
    static constexpr Tile kTiles[] = {tile<I / kMostPairs + 1, I % kMostPairs + 1, kUnitStep>...};
    return kTiles[(tk - 1) * kMostPairs + tj - 1];
  }
  template <int... I>
  static Tile three_of(std::int64_t tk, std::int64_t tc, std::integer_sequence<int, I...>) noexcept {
    static constexpr Tile kTiles[] = {three<I / kThreeMostIn + 1, I % kThreeMostIn + 1>...};
    return kTiles[(tk - 1) * kThreeMostIn + tc - 1];
  }

  template <int... K>
  static Tile adjacent_of(std::int64_t tk, std::int64_t taps, std::integer_sequence<int, K...>) noexcept {
    static constexpr Tile kTiles[][2] = {{adjacent<K + 1, 2>, adjacent<K + 1, 3>}...};
    return kTiles[tk - 1][taps - 2];
  }

  // pairs: (input channel, column tap) of a tile.
  static Tile tile_of(std::int64_t tk, std::int64_t pairs, Pairs kind) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kAnyMostOut * kMostPairs>{};
    if constexpr (kHasOuterProduct<Arch>) {
      if (kind == Pairs::three || kind == Pairs::adjacent)
        return adjacent_of(tk, pairs, std::make_integer_sequence<int, kMostOut>{});
    } else if (kind == Pairs::three) {
      return three_of(tk, pairs / 3, std::make_integer_sequence<int, kThreeMostOut * kThreeMostIn>{});
    }
    return kind == Pairs::any ? any_of<false>(tk, pairs, sequence) : any_of<true>(tk, pairs, sequence);
  }
};

}  // namespace hone::simd
