// Strips of a direct convolution whose tiles read the terms of their sums from a list (conv_listed-inl.hpp): what a
// term is, the ways of adding them up, and pixels next to each other cut into strips.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/kernels/simd/conv_planning-inl.hpp"
#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/simd/outer_product-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvListedTile {
  using Tiles = ConvTile<Arch>;
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMostTerms = ConvPlanning<Arch>::kMostTerms;
  static constexpr std::int64_t kLineFloats = 16;
  static constexpr std::int64_t kWritesAhead = 128;  // values from what a strip writes to what it prefetches for that

  // A value that is read, as a distance from the pixel's first, and its weights, as a distance from the tile's first.
  struct Term {
    std::int32_t src, weight;
  };

  // Terms of the outputs that share their taps, for tiles of so many channels: those of the first tap of a row, which
  // the first pixel may lack; then all others; at the end those of the last tap.
  struct Terms {
    Term list[kMostTerms];
    const Term *first_end, *last_begin, *end;
    std::int64_t adjacent;    // taps of a row, where add_rows() could read them, next to each other; else none
    std::int64_t weight_tap;  // from a tap's weights to those of the next

    struct Steps {  // values from a channel, a row, a tap to the next
      std::int64_t channel, row, tap;
    };

    void make(const AxisRun& row, const AxisRun& column, std::int64_t channels, const Steps& src,
              const Steps& weight) noexcept {
      Term* to = list;
      const auto add_tap = [&](std::int64_t s) {
        for (std::int64_t c = 0; c < channels; ++c)
          for (std::int64_t r = 0; r < row.taps; ++r)
            *to++ = {static_cast<std::int32_t>(c * src.channel + r * src.row + s * src.tap),
                     static_cast<std::int32_t>(c * weight.channel + (row.tap_first + r * row.tap_step) * weight.row +
                                               (column.tap_first + s * column.tap_step) * weight.tap)};
      };
      first_end = last_begin = list;
      for (std::int64_t s = 0; s < column.taps; ++s) {
        if (s + 1 == column.taps) last_begin = to;
        add_tap(s);
        if (s == 0) first_end = to;
      }
      end = to;
      adjacent = src.tap == L && kHasCorrelation<Arch> ? column.taps : 0;
      weight_tap = column.tap_step * weight.tap;
    }

    // Taps of a row, where these are so many that a loop over rows gains by it; else 0.
    std::int64_t row_taps() const noexcept {
      constexpr std::int64_t kFewestTerms = 25;
      return end - list >= kFewestTerms ? adjacent : 0;
    }
  };

  struct Args {
    const float* src;  // first pixel, first tap
    std::int64_t src_pixel_step;
    const float* weights;        // [terms][TK]
    std::int64_t weights_group;  // of pairs: from a tile's weights to the next one's
    const float* next_weights;   // of the next tile, prefetched
    std::int64_t next_lines;     // of these, with each strip
    const Terms* terms;
    std::int64_t strips;           // next to each other, of TP pixels
    bool lacks_first, lacks_last;  // the first pixel of all, its first tap; the last one, its last tap
    const float* bias;             // of the tile's channels; may be null
    bool accumulate;               // start from what dst holds instead of the bias
    bool relu;
    float* dst;
    std::int64_t dst_plane, dst_pixel_step;
  };
  using Strips = void (*)(const Args&) noexcept;

  // How a strip's sums get their terms: one by one; or rows of two, three or five adjacent taps in one go, which takes
  // fewer instructions; or such rows of pixels that are as adjacent as taps, with the fewest.
  enum class Way { terms, rows, adjacent };

  // All taps of the rows that terms [term, end) begin.
  template <int kTaps, int TP, int TK>
  HONE_INLINE static void add_rows(V (&acc)[TP][TK], const Term* term, const Term* end,
                                   const float* const (&pixels)[TP], const float* weights,
                                   std::int64_t weight_tap) noexcept {
    const auto always = [](int) HONE_INLINE_LAMBDA { return true; };
    for (; term != end; ++term) {
      const std::int64_t src = term->src;
      const float* w = opaque(weights + term->weight);
      unroll_early<kTaps>([&](int tap) HONE_INLINE_LAMBDA {
        const auto pixel = [&](int p) HONE_INLINE_LAMBDA { return pixels[p] + src + tap * L; };
        const auto weight = [&](int k) HONE_INLINE_LAMBDA { return w + k; };
        if constexpr (TP <= TK)
          add_outer_product<Arch, Factors::streamed_values, TP, TK>(
              pixel, weight, [&](int p, int k) HONE_INLINE_LAMBDA -> auto& { return acc[p][k].data; }, always);
        else
          add_outer_product<Arch, Factors::held_values, TK, TP>(
              weight, pixel, [&](int k, int p) HONE_INLINE_LAMBDA -> auto& { return acc[p][k].data; }, always);
        w += weight_tap;
      });
    }
  }

  // The same of adjacent pixels. Weights of three or five taps are next to each other; of two, a stride's gradient has
  // some that are not.
  template <int kTaps, Lacks kLacks, int TP, int TK>
  HONE_INLINE static void add_adjacent(V (&acc)[TP][TK], const Term* term, const Term* end, const float* src,
                                       const float* weights, std::int64_t weight_tap) noexcept {
    const std::int64_t tap_step = kTaps == 2 ? weight_tap : TK;
    for (; term != end; ++term) {
      const float *x = src + term->src, *w = weights + term->weight;
      add_correlation<Arch, Factors::streamed_values, kLacks, kTaps, TP, TK>(
          [&](int p) HONE_INLINE_LAMBDA { return x + p * L; },
          [&](int tap, int k) HONE_INLINE_LAMBDA { return w + tap * tap_step + k; },
          [&](int p, int k) HONE_INLINE_LAMBDA -> auto& { return acc[p][k].data; });
    }
  }

  // TG tiles of output channels at once. kTaps: of a row.
  template <int TP, int TK, int TG = 1, Way kWay = Way::terms, int kTaps = 0>
  [[gnu::noinline]] static void strips(const Args& args) noexcept {
    const Args a = args;  // a copy: what is stored to dst can't change it
    const Term *const begin = a.terms->list, *const first_end = a.terms->first_end;
    const Term *const last_begin = a.terms->last_begin, *const end = a.terms->end;
    const float *pixels[TP], *const weights = a.weights;
    unroll<TP>([&](int p) HONE_INLINE_LAMBDA { pixels[p] = a.src + p * a.src_pixel_step; });
    const float* next_weights = a.next_weights;
    float* dst = a.dst;
    constexpr int kLines = static_cast<int>(divide_up(TP * L, kLineFloats));  // of a plane that a strip writes
    for (std::int64_t strip = 0; strip < a.strips; ++strip) {
      V acc[TG][TP][TK];
      // body(sums of a tile, output channel of the tile, of all, where that is written)
      const auto for_each_output = [&](const auto& body) HONE_INLINE_LAMBDA {
        float* to = dst;
        unroll<TG>([&](int g) HONE_INLINE_LAMBDA {
          unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
            body(acc[g], k, g * TK + k, to);
            to = opaque(to + a.dst_plane);  // or g++ keeps all of these distances on the stack
          });
        });
      };
      if (a.accumulate)
        for_each_output([&](V(&sums)[TP][TK], int k, int, const float* from) HONE_INLINE_LAMBDA {
          unroll<TP>([&](int p) HONE_INLINE_LAMBDA { sums[p][k] = load<Arch>(from + p * a.dst_pixel_step); });
        });
      else
        for_each_output([&](V(&sums)[TP][TK], int k, int channel, float* to) HONE_INLINE_LAMBDA {
          const V bias(a.bias != nullptr ? a.bias[channel] : 0.0f);
          unroll<TP>([&](int p) HONE_INLINE_LAMBDA { sums[p][k] = bias; });
          const float* ahead = to + kWritesAhead;
          unroll<kLines>([&](int line) HONE_INLINE_LAMBDA { __builtin_prefetch(ahead + line * kLineFloats, 1); });
        });
      for (std::int64_t n = 0; n < a.next_lines; ++n, next_weights += kLineFloats) __builtin_prefetch(next_weights);
      const bool lacks_first = a.lacks_first && strip == 0, lacks_last = a.lacks_last && strip + 1 == a.strips;
      if constexpr (kWay == Way::adjacent) {
        const auto add = [&](auto lacks) HONE_INLINE_LAMBDA {
          add_adjacent<kTaps, lacks>(acc[0], begin, first_end, pixels[0], weights, a.terms->weight_tap);
        };
        if constexpr (kTaps == 3)
          with_lacks(lacks_first, lacks_last, add);
        else  // ends are joined where three taps are
          add(std::integral_constant<Lacks, Lacks::nothing>{});
      } else {
        const bool by_rows = kWay == Way::rows && !lacks_first && !lacks_last;
        if constexpr (kWay == Way::rows)
          if (by_rows) add_rows<kTaps>(acc[0], begin, first_end, pixels, weights, a.terms->weight_tap);
        const auto add = [&](auto first, auto last, const Term& term) HONE_INLINE_LAMBDA {
          const std::int64_t src = term.src;
          unroll<TG>([&](int g) HONE_INLINE_LAMBDA {
            Tiles::template add_tap_of<first, last>(
                acc[g], [&](int p) HONE_INLINE_LAMBDA { return load_pinned<Arch>(pixels[p] + src); },
                weights + g * a.weights_group + term.weight);
          });
        };
        constexpr std::integral_constant<int, 0> kZero;
        constexpr std::integral_constant<int, TP> kAll;
        if (!by_rows) {
          const Term* term = begin;
          if (lacks_first)
            for (; term != first_end; ++term) add(std::integral_constant<int, 1>{}, kAll, *term);
          for (const Term* full = lacks_last ? last_begin : end; term != full; ++term) add(kZero, kAll, *term);
          for (; term != end; ++term) add(kZero, std::integral_constant<int, TP - 1>{}, *term);
        }
      }
      for_each_output([&](V(&sums)[TP][TK], int k, int, float* to) HONE_INLINE_LAMBDA {
        unroll<TP>([&](int p) HONE_INLINE_LAMBDA {
          store<Arch>(to + p * a.dst_pixel_step, a.relu ? relu<Arch>(sums[p][k]) : sums[p][k]);
        });
      });
      unroll<TP>([&](int p) HONE_INLINE_LAMBDA { pixels[p] += TP * a.src_pixel_step; });
      dst += TP * a.dst_pixel_step;
    }
  }

  // The way of a tile, where `wanted` is possible.
  static constexpr Way way_of(Way wanted, int pixels, int channels, int taps) noexcept {
    if (wanted == Way::adjacent && correlates<Arch>(pixels, channels)) return Way::adjacent;
    const bool rows = kHasOuterProduct<Arch> && wanted != Way::terms && taps != 2 && pixels * channels >= kFewestSums;
    return rows ? Way::rows : Way::terms;
  }

  template <int TP, int TK, Way kWanted, int kTaps>
  static constexpr Strips strips_like() noexcept {
    constexpr Way kWay = way_of(kWanted, TP, TK, kTaps);
    if constexpr (kWay == Way::terms)
      return strips<TP, TK>;
    else
      return strips<TP, TK, 1, kWay, kTaps>;
  }

  template <int TK, Way kWanted, int kTaps, int... P>
  static Strips strips_of(std::int64_t pixels, std::integer_sequence<int, P...>) noexcept {
    static constexpr Strips kStrips[] = {strips_like<P + 1, TK, kWanted, kTaps>()...};
    return kStrips[pixels - 1];
  }

  static Strips strips_of(const Args& a, std::int64_t channels, std::int64_t pixels) noexcept {
    return Tiles::with_channels(channels, [&](auto tk) {
      constexpr auto kPixels = std::make_integer_sequence<int, Tiles::most_pixels(tk)>{};
      if constexpr (kHasCorrelation<Arch>) {
        const std::int64_t taps = a.terms->row_taps();
        const bool adjacent = a.src_pixel_step == L, weights_adjacent = a.terms->weight_tap == tk;
        if constexpr (!Tiles::kMany)  // whose lists are too short for a stride's gradient
          if (taps == 2 && adjacent) return strips_of<tk, Way::adjacent, 2>(pixels, kPixels);
        if (taps == 3 && adjacent && weights_adjacent) return strips_of<tk, Way::adjacent, 3>(pixels, kPixels);
        if (taps == 5 && adjacent && weights_adjacent) return strips_of<tk, Way::adjacent, 5>(pixels, kPixels);
        if (taps == 3) return strips_of<tk, Way::rows, 3>(pixels, kPixels);
        if (taps == 5) return strips_of<tk, Way::rows, 5>(pixels, kPixels);
      }
      return strips_of<tk, Way::terms, 0>(pixels, kPixels);
    });
  }

  // A single pixel, two tiles of output channels: as ConvTile::pair_of.
  static Strips pair_of(std::int64_t channels) noexcept {
    return Tiles::with_channels(channels, [](auto tk) -> Strips { return strips<1, tk, 2>; });
  }

  // Pixels next to each other in strips of at most `most`, a tile's channels. a: of the first strip.
  static void run(Args a, std::int64_t channels, std::int64_t pixels, std::int64_t most) noexcept {
    const std::int64_t all = divide_up(pixels, most), size = pixels / all, larger = pixels % all;
    const bool lacks_last = a.lacks_last;
    const auto run_strips = [&](std::int64_t strips, std::int64_t strip_pixels, bool last) {
      if (strips == 0) return;
      a.strips = strips;
      a.lacks_last = lacks_last && last;
      strips_of(a, channels, strip_pixels)(a);
      a.lacks_first = false;
      a.src += strips * strip_pixels * a.src_pixel_step;
      a.dst += strips * strip_pixels * a.dst_pixel_step;
      a.next_weights += strips * a.next_lines * kLineFloats;
    };
    run_strips(larger, size + 1, false);
    run_strips(all - larger, size, true);
  }
};

}  // namespace hone::simd
