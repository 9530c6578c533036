// The tile of a direct convolution: TP pixels x TK output channels in registers; for each input channel and tap it
// loads the TP pixels (a vector of images each) and broadcasts the TK weights.
#pragma once

#include <type_traits>

#include "engine/kernels/simd/outer_product-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct ConvTile {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  static constexpr int kMostChannels = 5;
  // Pixels a tile by output channels a tile: accumulators, the fewer of pixels and weights, and one of the others fill
  // the registers.
  static constexpr int most_pixels(std::int64_t tk) {
    constexpr int kMostPixels[2][kMostChannels] = {{7, 5, 4, 3, 2}, {8, 8, 8, 6, 5}};
    return kMostPixels[kMany][tk - 1];
  }

  static constexpr std::int64_t kBurst = 8;  // lines next to each other: the hardware goes on with them by itself

  struct Args {
    const float* src;  // first pixel, first tap
    std::int64_t src_plane, src_row_step, src_tap_step, src_pixel_step;
    const float* weights;  // first tap
    std::int64_t weights_plane, weights_row_step, weights_tap_step;
    std::int64_t weights_group;  // of pairs: from a tile's weights to the next one's
    std::int64_t channels, rows, taps;
    float* copied;          // Form::copying: [channel][pixel]
    const float* prefetch;  // what later tiles read: kBurst lines, a step apart, of a channel after the other
    std::int64_t prefetch_step, prefetch_plane;
    const float* bias;  // of the tile's channels; may be null
    bool accumulate;    // start from what dst holds instead of the bias
    bool relu;
    bool lacks_first, lacks_last;  // Form::three: the first pixel, its first tap; the last pixel, its last tap
    float* dst;
    std::int64_t dst_plane, dst_pixel_step;

    // Field by field. Left to itself g++ copies vectors of them: these wait until what the caller has just written, and
    // all that was stored before that, is in the cache.
    HONE_INLINE Args copy() const noexcept {
      return {
          .src = opaque(src),
          .src_plane = opaque(src_plane),
          .src_row_step = opaque(src_row_step),
          .src_tap_step = opaque(src_tap_step),
          .src_pixel_step = opaque(src_pixel_step),
          .weights = opaque(weights),
          .weights_plane = opaque(weights_plane),
          .weights_row_step = opaque(weights_row_step),
          .weights_tap_step = opaque(weights_tap_step),
          .weights_group = opaque(weights_group),
          .channels = opaque(channels),
          .rows = opaque(rows),
          .taps = opaque(taps),
          .copied = opaque(copied),
          .prefetch = opaque(prefetch),
          .prefetch_step = opaque(prefetch_step),
          .prefetch_plane = opaque(prefetch_plane),
          .bias = opaque(bias),
          .accumulate = opaque(accumulate),
          .relu = opaque(relu),
          .lacks_first = opaque(lacks_first),
          .lacks_last = opaque(lacks_last),
          .dst = opaque(dst),
          .dst_plane = opaque(dst_plane),
          .dst_pixel_step = opaque(dst_pixel_step),
      };
    }
  };
  using Tile = void (*)(const Args&) noexcept;

  // How a tile goes over its pixels and the taps of a row: any steps; adjacent pixels; adjacent pixels, three adjacent
  // taps and their weights; a kernel of one tap, any steps, with a copy of what is read; a kernel of one tap, adjacent
  // pixels, where nothing of what later tiles read is left to prefetch.
  enum class Form { any, adjacent, three, copying, prefetched };

  // One tap of pixels kFirst ... kEnd - 1, which read(pixel) loads.
  template <int kFirst, int kEnd, int TP, int TK, class Read>
  HONE_INLINE static void add_tap_of(V (&acc)[TP][TK], const Read& read, const float* weights) noexcept {
    if constexpr (TP <= TK) {
      V x[TP];
      unroll_early<kEnd - kFirst>([&](int p) HONE_INLINE_LAMBDA { x[kFirst + p] = read(kFirst + p); });
      unroll_early<TK>([&](int k) HONE_INLINE_LAMBDA {
        const V w = broadcast_pinned<Arch>(weights + k);
        unroll_early<kEnd - kFirst>(
            [&](int p) HONE_INLINE_LAMBDA { acc[kFirst + p][k] = fma<Arch>(x[kFirst + p], w, acc[kFirst + p][k]); });
      });
    } else {
      V w[TK];
      unroll_early<TK>([&](int k) HONE_INLINE_LAMBDA { w[k] = broadcast_pinned<Arch>(weights + k); });
      unroll_early<kEnd - kFirst>([&](int p) HONE_INLINE_LAMBDA {
        const V x = read(kFirst + p);
        unroll_early<TK>([&](int k)
                             HONE_INLINE_LAMBDA { acc[kFirst + p][k] = fma<Arch>(x, w[k], acc[kFirst + p][k]); });
      });
    }
  }

  // The same, `step` values apart.
  template <int kFirst, int kEnd, int TP, int TK>
  HONE_INLINE static void add_tap(V (&acc)[TP][TK], const float* src, std::int64_t step,
                                  const float* weights) noexcept {
    add_tap_of<kFirst, kEnd>(
        acc, [&](int p) HONE_INLINE_LAMBDA { return load_pinned<Arch>(src + p * step); }, weights);
  }

  // All taps of a row.
  template <Form kForm, int TP, int TK>
  HONE_INLINE static void add_row(const Args& a, V (&acc)[TP][TK], const float* src, const float* weights) noexcept {
    if constexpr (kForm == Form::three && kUnrollsTaps<Arch>) {
      if (!a.lacks_first) add_tap<0, 1>(acc, src, L, weights);
      add_tap<1, TP>(acc, src, L, weights);
      src += L;
      weights += a.weights_tap_step;
      add_tap<0, TP>(acc, src, L, weights);
      src += L;
      weights += a.weights_tap_step;
      add_tap<0, TP - 1>(acc, src, L, weights);
      if (!a.lacks_last) add_tap<TP - 1, TP>(acc, src, L, weights);
    } else {
      const std::int64_t step = kForm == Form::any ? a.src_pixel_step : L;
      std::int64_t taps = a.taps;
      const auto next = [&]() HONE_INLINE_LAMBDA {
        src += a.src_tap_step;
        weights += a.weights_tap_step;
      };
      if (kForm == Form::three && a.lacks_first) {
        add_tap<1, TP>(acc, src, step, weights);
        next();
        --taps;
      }
      const bool lacks_last = kForm == Form::three && a.lacks_last;
      for (; taps > lacks_last; --taps) {
        add_tap<0, TP>(acc, src, step, weights);
        next();
      }
      if (lacks_last) add_tap<0, TP - 1>(acc, src, step, weights);
    }
  }

  // Whether rows of three taps are correlations. (With AVX2 these are listed.)
  template <int TP, int TK>
  static constexpr bool kCorrelates = correlates<Arch>(TP, TK) && kMany;

  // TG tiles of output channels at once.
  template <int TP, int TK, Form kForm, int TG = 1>
  [[gnu::noinline]] static void tile(const Args& args) noexcept {
    const Args a = args.copy();  // what is stored to dst can't change it
    V acc[TG][TP][TK];
    // body(sum, output channel of the tiles, where that is written)
    const auto for_each_output = [&](const auto& body) HONE_INLINE_LAMBDA {
      // Found one after another, or g++ finds all of them first, and keeps them on the stack. With three taps, whose
      // sums are longer, that is the faster way.
      const auto next = [](float* at) HONE_INLINE_LAMBDA { return kForm == Form::three ? at : opaque(at); };
      float* plane = a.dst;
      unroll<TG>([&](int g) HONE_INLINE_LAMBDA {
        unroll<TK>([&](int k) HONE_INLINE_LAMBDA {
          float* to = plane;
          unroll<TP>([&](int p) HONE_INLINE_LAMBDA {
            body(acc[g][p][k], g * TK + k, to);
            to = next(to + a.dst_pixel_step);
          });
          plane = next(plane + a.dst_plane);
        });
      });
    };
    if (a.accumulate)
      for_each_output([&](V& sum, int, const float* from) HONE_INLINE_LAMBDA { sum = load<Arch>(from); });
    else
      for_each_output([&](V& sum, int channel, const float*)
                          HONE_INLINE_LAMBDA { sum = V(a.bias != nullptr ? a.bias[channel] : 0.0f); });
    const float *src = a.src, *weights = a.weights, *prefetch = a.prefetch;
    // What the next tile writes, an output channel at a time: all at once would be in the way of what is read.
    const float* output = a.dst + TG * TK * a.dst_plane;
    int outputs = TG * TK;
    const auto prefetch_output = [&]() HONE_INLINE_LAMBDA {
      if (outputs == 0) return;
      unroll<TP>([&](int p) HONE_INLINE_LAMBDA { __builtin_prefetch(output + p * a.dst_pixel_step, 1); });
      output += a.dst_plane;
      --outputs;
    };
    // Better still, a place at a time, where there are enough channels. (Small tiles lose by its few instructions.)
    int places = 0;
    const auto prefetch_place = [&]() HONE_INLINE_LAMBDA {
      if (!kMany || a.channels < TK * TP) return prefetch_output();
      if (outputs == 0) return;
      __builtin_prefetch(output + places * a.dst_pixel_step, 1);
      if (++places < TP) return;
      places = 0;
      output += a.dst_plane;
      --outputs;
    };
    // With each channel a line is prefetched.
    const auto for_each_channel = [&](const auto& body) HONE_INLINE_LAMBDA {
      for (std::int64_t left = a.channels; left > 0; left -= kBurst, prefetch += a.prefetch_plane) {
        const float *end = src + (left < kBurst ? left : kBurst) * a.src_plane, *line = prefetch;
        do {
          __builtin_prefetch(line);
          body();
          src += a.src_plane;
          weights += a.weights_plane;
          line += a.prefetch_step;
        } while (src != end);
      }
    };
    if constexpr (kForm == Form::copying) {
      float* copy = a.copied;
      for_each_channel([&]() HONE_INLINE_LAMBDA {
        prefetch_place();
        const auto read = [&](int p) HONE_INLINE_LAMBDA {
          const V x = load_pinned<Arch>(src + p * a.src_pixel_step);
          store<Arch>(copy + p * L, x);
          return x;
        };
        add_tap_of<0, TP>(acc[0], read, weights);
        copy += TP * L;
      });
    } else if constexpr (kForm == Form::prefetched) {
      const float* const end = src + a.channels * a.src_plane;
      const auto add_channel = [&]() HONE_INLINE_LAMBDA {
        add_tap<0, TP>(acc[0], src, L, weights);
        src += a.src_plane;
        weights += a.weights_plane;
      };
      while (outputs > 0 && src != end) {
        prefetch_place();
        add_channel();
      }
      while (src != end) add_channel();
    } else if constexpr (kForm == Form::three && kCorrelates<TP, TK>) {
      with_lacks(a.lacks_first, a.lacks_last, [&](auto lacks) HONE_INLINE_LAMBDA {
        for_each_channel([&]() HONE_INLINE_LAMBDA {
          const float *src_row = src, *weights_row = weights;
          for (std::int64_t r = 0; r < a.rows; ++r, src_row += a.src_row_step, weights_row += a.weights_row_step) {
            prefetch_output();
            add_correlation<Arch, Factors::streamed_values, lacks, 3, TP, TK>(
                [&](int p) HONE_INLINE_LAMBDA { return src_row + p * L; },
                [&](int tap, int k) HONE_INLINE_LAMBDA { return weights_row + tap * TK + k; },
                [&](int p, int k) HONE_INLINE_LAMBDA -> auto& { return acc[0][p][k].data; });
          }
        });
      });
    } else if (kForm != Form::three && a.rows == 1 && a.taps == 1)
      for_each_channel([&]() HONE_INLINE_LAMBDA {
        prefetch_place();
        unroll<TG>([&](int g) HONE_INLINE_LAMBDA {
          add_tap<0, TP>(acc[g], src, kForm == Form::any ? a.src_pixel_step : L, weights + g * a.weights_group);
        });
      });
    else
      for_each_channel([&]() HONE_INLINE_LAMBDA {
        const float *src_row = src, *weights_row = weights;
        for (std::int64_t r = 0; r < a.rows; ++r, src_row += a.src_row_step, weights_row += a.weights_row_step) {
          prefetch_output();
          unroll<TG>([&](int g)
                         HONE_INLINE_LAMBDA { add_row<kForm>(a, acc[g], src_row, weights_row + g * a.weights_group); });
        }
      });
    if (a.relu) for_each_output([&](V& sum, int, const float*) HONE_INLINE_LAMBDA { sum = relu<Arch>(sum); });
    for_each_output([&](const V& sum, int, float* to) HONE_INLINE_LAMBDA { store<Arch>(to, sum); });
  }

  template <Form kForm, int TK, int... P>
  static Tile tile_of(std::int64_t pixels, std::integer_sequence<int, P...>) noexcept {
    static constexpr Tile kTiles[] = {tile<P + 1, TK, kForm>...};
    return kTiles[pixels - 1];
  }

  // body(channels), as a constant.
  template <class Body>
  static auto with_channels(std::int64_t channels, const Body& body) noexcept {
    switch (channels) {
      case 1:
        return body(std::integral_constant<int, 1>{});
      case 2:
        return body(std::integral_constant<int, 2>{});
      case 3:
        return body(std::integral_constant<int, 3>{});
      case 4:
        return body(std::integral_constant<int, 4>{});
      default:
        return body(std::integral_constant<int, kMostChannels>{});
    }
  }

  template <Form kForm>
  static Tile tile_of(std::int64_t channels, std::int64_t pixels) noexcept {
    return with_channels(channels, [&](auto tk) {
      return tile_of<kForm, tk>(pixels, std::make_integer_sequence<int, most_pixels(tk)>{});
    });
  }

  // A single pixel leaves a tile too few sums to hide the latency of a multiply-add: two tiles of output channels, one
  // behind the other.
  static Tile pair_of(std::int64_t channels) noexcept {
    return with_channels(channels, [](auto tk) -> Tile { return tile<1, tk, Form::any, 2>; });
  }

  static Tile tile_of(std::int64_t channels, std::int64_t pixels, Form form) noexcept {
    switch (form) {
      case Form::any:
        return tile_of<Form::any>(channels, pixels);
      case Form::adjacent:
        return tile_of<Form::adjacent>(channels, pixels);
      case Form::three:
        return tile_of<Form::three>(channels, pixels);
      case Form::copying:
        return tile_of<Form::copying>(channels, pixels);
      case Form::prefetched:
        break;
    }
    return tile_of<Form::prefetched>(channels, pixels);
  }
};

}  // namespace hone::simd
