// Backward pass of a convolution followed by a max_pool. Of each window one value alone, its winner, has a gradient:
// with 2x2 windows three quarters of the work is left out. Which pixel wins differs from image to image, so images
// cannot be the lanes of a vector here. A block of images is transposed into [image][row][column][channel]; what a
// winner reads (for the weights) or adds to (for the input) are runs of S * C neighbours in R rows of its image, and
// the lanes go along such a run:
//   weights: for each output channel, over its winners:  sums[r] += diff * image[winner's pixel][r]
//   input:   for each pixel, over the winners it is:     image[pixel][r] += diff * weights[output channel][r]
// A pass is the part of these runs that the registers hold: several rows, or a piece of one row. Weights and their
// sums are kept as [pass][output channel][row][vector].
#pragma once

#include "engine/kernels/simd/conv_pool_tiles-inl.hpp"
#include "engine/kernels/simd/transpose-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvPool {
  using V = Vec<Arch>;
  using Tiles = ConvPoolTiles<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr std::int64_t W = Tiles::W;
  static constexpr std::int64_t kLine = 16;             // values of a cache line
  static constexpr std::int64_t kBandBytes = 28 << 10;  // of the images that all output channels are done on

  static constexpr std::int64_t lines(std::int64_t values) noexcept { return divide_up(values, kLine) * kLine; }
  // An odd number of lines: steps of it spread over the first cache.
  static constexpr std::int64_t odd_lines(std::int64_t values) noexcept {
    return (divide_up(values, kLine) | 1) * kLine;
  }

  struct Pass {
    std::int64_t row, rows, vector, vectors;
    std::int64_t first;  // of its weights, or sums
  };

  // Sizes, and where things are in the scratch memory.
  struct Layout {
    const ConvShape& conv;
    const PoolShape& pool;
    bool aligned;                          // pixels are padded to whole vectors
    std::int64_t pixel, row, image, list;  // steps: of a pixel, a row, an image; of an image's winners
    std::int64_t vectors;                  // of a run
    std::int64_t pixels;                   // of an image where a run may start
    std::int64_t windows, band, bands;     // windows of an image's channel; rows of windows in a band
    std::int64_t group;                    // images a band
    std::int64_t sums, images, diffs, places, counts, starts, winners, ends, size;

    explicit Layout(const ConvPoolPlan& plan) noexcept : conv(plan.conv), pool(plan.pool) {
      const std::int64_t padded = divide_up(conv.c, W) * W, height = conv.out_h + conv.r - 1;
      const std::int64_t whole = conv.s * padded / W, dense = divide_up(conv.s * conv.c, W);
      aligned = static_cast<double>(whole) <= kUnaligned * static_cast<double>(dense);
      pixel = aligned ? padded : conv.c;
      vectors = aligned ? whole : dense;
      row = (conv.out_w + conv.s - 1) * pixel;
      image = odd_lines(height * row + L + W);
      pixels = conv.out_h * (conv.out_w + conv.s - 1);
      windows = pool.out_h * pool.out_w;
      list = odd_lines(conv.k * windows + L);
      const std::int64_t fits = kBandBytes / static_cast<std::int64_t>(sizeof(float));
      group = fits / image < 1 ? 1 : fits / image < L ? fits / image : L;
      const std::int64_t rows = (fits / row - conv.r + 1) / pool.size_h;
      band = image <= fits ? pool.out_h : rows < 1 ? 1 : rows < pool.out_h ? rows : pool.out_h;
      bands = divide_up(pool.out_h, band);

      std::int64_t end = 0;
      const auto book = [&](std::int64_t values) {
        const std::int64_t at = end;
        end += lines(values);
        return at;
      };
      sums = book(weights_size());
      images = book(L * image);
      diffs = book(L * list);
      places = book(L * list);
      counts = book(L * conv.k * bands);
      starts = book(windows);
      winners = book(plan.backward_data ? 2 * L * list : 0);
      ends = book(plan.backward_data ? L * ends_step() : 0);
      size = end;
    }

    std::int64_t weights_size() const noexcept { return conv.k * conv.r * vectors * W; }
    std::int64_t ends_step() const noexcept { return lines(pixels + 1); }

    template <class Body>
    void for_each_pass(const Body& body) const noexcept {
      std::int64_t first = 0;
      const auto pass = [&](std::int64_t r, std::int64_t rows, std::int64_t v, std::int64_t count) {
        body(Pass{r, rows, v, count, first});
        first += conv.k * rows * count * W;
      };
      if (2 * vectors > Tiles::kMost) {
        for (std::int64_t r = 0; r < conv.r; ++r)
          split_evenly<Tiles::kMost>(vectors, [&](std::int64_t v, std::int64_t count) { pass(r, 1, v, count); });
        return;
      }
      const std::int64_t fits = Tiles::kMost / vectors;
      const std::int64_t passes = divide_up(conv.r, fits < Tiles::kMostRows ? fits : Tiles::kMostRows);
      for (std::int64_t i = 0; i < passes; ++i) {
        const std::int64_t r = i * conv.r / passes;
        pass(r, (i + 1) * conv.r / passes - r, 0, vectors);
      }
    }

    // Calls body(number among the weights, among the packed weights or sums) for each weight.
    template <class Body>
    HONE_INLINE void for_each_weight(const Body& body) const noexcept {
      const std::int64_t window = conv.r * conv.s;
      for_each_pass([&](const Pass& pass) {
        const std::int64_t begin = pass.vector * W, count = pass.vectors * W;
        for (std::int64_t k = 0; k < conv.k; ++k)
          for (std::int64_t r = 0; r < pass.rows; ++r)
            for (std::int64_t s = 0; s < conv.s; ++s) {
              const std::int64_t run = s * pixel - begin;  // where the tap's channels start in this piece
              const std::int64_t weight = k * conv.c * window + (pass.row + r) * conv.s + s;
              const std::int64_t packed = pass.first + (k * pass.rows + r) * count + run;
              const std::int64_t end = count - run < conv.c ? count - run : conv.c;
              for (std::int64_t c = run < 0 ? -run : 0; c < end; ++c) body(weight + c * window, packed + c);
            }
      });
    }
  };

  static constexpr double kUnaligned = 1.45;  // cost of a load where it may cross cache lines

  // By cycles an image, from shapes alone.
  static bool is_faster(const Layout& l, bool backward_data) noexcept {
    const double directions = backward_data ? 2 : 1, rate = kRegisters<Arch> >= 32 ? 1 : 2;
    const auto squares = static_cast<double>(l.conv.h * l.conv.w * divide_up(l.conv.c, L)) * 5;
    const auto winners = static_cast<double>(l.conv.k * l.windows);
    const auto dense = static_cast<double>(l.conv.macs()) / static_cast<double>(L) / rate;
    const auto run = static_cast<double>(l.conv.r * l.vectors) / 2 * (l.aligned ? 1 : kUnaligned);
    const double fixed = l.conv.c == 1 ? 0 : squares;
    return directions * (winners * (run * 1.3 + 3) + fixed) < directions * dense * 0.9;
  }

  static bool prepare(ConvPoolPlan& plan) {
    const Layout l(plan);
    plan.packed = plan.backward_data ? l.weights_size() : 0;
    plan.scratch = l.size;
    return is_faster(l, plan.backward_data);
  }

  static void pack(const ConvPoolPlan& plan, const float* weights, float* packed) noexcept {
    const Layout l(plan);
    clear(packed, plan.packed);
    l.for_each_weight([&](std::int64_t weight, std::int64_t to) HONE_INLINE_LAMBDA { packed[to] = weights[weight]; });
  }

  static void clear(float* values, std::int64_t count) noexcept {
    __builtin_memset(values, 0, static_cast<std::size_t>(count) * sizeof(float));
  }

  // Rows of `channels` vectors over images, `plane` apart -> [image][channel].
  HONE_INLINE static void transpose(const float* from, std::int64_t plane, std::int64_t channels, float* to,
                                    std::int64_t image) noexcept {
    for (std::int64_t c = 0; c < channels; c += L)
      Transpose<Arch>::square(from + c * plane, plane, channels - c, to + c, image);
  }
  HONE_INLINE static void transpose_back(const float* from, std::int64_t image, std::int64_t channels, float* to,
                                         std::int64_t plane) noexcept {
    for (std::int64_t c = 0; c < channels; c += L)
      Transpose<Arch>::square_into(from + c, image, to + c * plane, plane, channels - c);
  }

  // A block of the input into the images, zeros around it. A square ends in zeros beyond the last channel: they are
  // overwritten by the pixels after it, or belong to the padding.
  static void spread(const Layout& l, const float* src, float* images) noexcept {
    const ConvShape& p = l.conv;
    if (l.image * L > 0 && (p.pad_h > 0 || p.pad_w > 0 || p.out_w + p.s - 1 != p.w || p.out_h + p.r - 1 != p.h))
      clear(images, L * l.image);
    const std::int64_t plane = p.h * p.w * L;
    for (std::int64_t h = 0; h < p.h; ++h) {
      float* to = images + (h + p.pad_h) * l.row + p.pad_w * l.pixel;
      const float* from = src + h * p.w * L;
      if (p.c == 1 && l.pixel == 1) {  // columns take the place of channels
        transpose(from, L, p.w, to, l.image);
        continue;
      }
      for (std::int64_t w = 0; w < p.w; ++w, to += l.pixel, from += L) {
        for (std::int64_t c = 0; c < p.c; ++c) __builtin_prefetch(from + c * plane + 2 * L);
        transpose(from, plane, p.c, to, l.image);
      }
    }
  }

  static void gather(const Layout& l, const float* images, float* diff_src) noexcept {
    const ConvShape& p = l.conv;
    for (std::int64_t h = 0; h < p.h; ++h)
      for (std::int64_t w = 0; w < p.w; ++w)
        transpose_back(images + (h + p.pad_h) * l.row + (w + p.pad_w) * l.pixel, l.image, p.c,
                       diff_src + (h * p.w + w) * L, p.h * p.w * L);
  }

  // Lists of winners, for each image and output channel in the order of the windows: gradient, and pixel of the
  // convolution's output. Adds to diff_bias.
  static void list_winners(const Layout& l, const ConvPoolArgs<float>& a, std::int64_t block) noexcept {
    const PoolShape& p = l.pool;
    const std::int64_t count = p.c * l.windows, width = l.conv.out_w + l.conv.s - 1;
    const float* starts = a.scratch + l.starts;
    const float *diff_dst = a.diff_dst + block * count * L, *argmax = a.argmax + block * count * L;
    const float* dst = a.dst == nullptr ? nullptr : a.dst + block * count * L;
    alignas(64) float diffs[L * L];
    alignas(64) std::int32_t places[L * L];
    std::int64_t window = 0, channel = 0;
    V sum(0.0f);
    for (std::int64_t first = 0; first < count; first += L) {
      const std::int64_t rows = count - first < L ? count - first : L;
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t at = (first + i) * L;
        V diff = load<Arch>(diff_dst + at);
        if (dst != nullptr) diff = xsimd::select(load<Arch>(dst + at) > V(0.0f), diff, V(0.0f));
        store<Arch>(diffs + i * L, diff);
        sum += diff;
        const V tap = load<Arch>(argmax + at);
        V place = tap + V(starts[window]);
        for (std::int64_t r = 1; r < p.size_h; ++r)
          place += xsimd::select(tap >= V(static_cast<float>(r * p.size_w)), V(static_cast<float>(width - p.size_w)),
                                 V(0.0f));
        xsimd::to_int(place).store_unaligned(places + i * L);
        if (++window < l.windows) continue;
        if (a.diff_bias != nullptr) a.diff_bias[channel] += xsimd::hadd(sum);
        ++channel;
        window = 0;
        sum = V(0.0f);
      }
      Transpose<Arch>::square(diffs, L, rows, a.scratch + l.diffs + first, l.list);
      Transpose<Arch>::square(reinterpret_cast<const float*>(places), L, rows, a.scratch + l.places + first, l.list);
    }
  }

  // Number of winners in each band. Where many gradients are zero, the others move up.
  static void count_winners(const Layout& l, const ConvPoolArgs<float>& a) noexcept {
    auto* counts = reinterpret_cast<std::int32_t*>(a.scratch + l.counts);
    for (std::int64_t n = 0; n < L; ++n) {
      float* diffs = a.scratch + l.diffs + n * l.list;
      auto* places = reinterpret_cast<std::int32_t*>(a.scratch + l.places + n * l.list);
      for (std::int64_t k = 0; k < l.conv.k; ++k)
        for (std::int64_t band = 0; band < l.bands; ++band, ++counts) {
          const std::int64_t first = band * l.band * l.pool.out_w;
          const std::int64_t size =
              first + l.band * l.pool.out_w < l.windows ? l.band * l.pool.out_w : l.windows - first;
          std::int32_t found = 0;
          if (a.dst == nullptr) {
            found = static_cast<std::int32_t>(size);
          } else {
            float* d = diffs + k * l.windows + first;
            std::int32_t* at = places + k * l.windows + first;
            for (std::int64_t i = 0; i < size; ++i) {
              const float diff = d[i];
              d[found] = diff;
              at[found] = at[i];
              found += diff != 0 ? 1 : 0;
            }
          }
          *counts = found;
        }
    }
  }

  // Output channels [k_begin, k_end). A band of images stays in the first cache while they and all passes are done on
  // it.
  static void add_weights(const Layout& l, float* scratch, std::int64_t k_begin, std::int64_t k_end) noexcept {
    typename Tiles::WeightsArgs t;
    t.image_step = l.image;
    t.list_step = l.list;
    t.count_step = l.conv.k * l.bands;
    t.pixel = l.pixel;
    t.row = l.row;
    for (std::int64_t n = 0; n < L; n += l.group)
      for (std::int64_t band = 0; band < l.bands; ++band)
        l.for_each_pass([&](const Pass& pass) {
          const auto run = Tiles::weights_of(pass.rows, pass.vectors);
          t.images = L - n < l.group ? L - n : l.group;
          t.src = scratch + l.images + n * l.image + pass.row * l.row + pass.vector * W;
          const std::int64_t first = n * l.list + band * l.band * l.pool.out_w;
          for (std::int64_t k = k_begin; k < k_end; ++k) {
            t.diffs = scratch + l.diffs + first + k * l.windows;
            t.pixels = reinterpret_cast<const std::int32_t*>(scratch + l.places) + first + k * l.windows;
            t.counts =
                reinterpret_cast<const std::int32_t*>(scratch + l.counts) + n * t.count_step + k * l.bands + band;
            t.sums = scratch + l.sums + pass.first + k * pass.rows * pass.vectors * W;
            run(t);
          }
        });
  }

  // Winners of images [n_begin, n_end), of each in the order of their pixels.
  static void sort_winners(const Layout& l, float* scratch, std::int64_t n_begin, std::int64_t n_end) noexcept {
    for (std::int64_t n = n_begin; n < n_end; ++n) {
      const auto* count = reinterpret_cast<const std::int32_t*>(scratch + l.counts) + n * l.conv.k * l.bands;
      const float* diffs = scratch + l.diffs + n * l.list;
      const auto* places = reinterpret_cast<const std::int32_t*>(scratch + l.places + n * l.list);
      auto* winners = reinterpret_cast<PoolWinner*>(scratch + l.winners + 2 * n * l.list);
      auto* next = reinterpret_cast<std::int32_t*>(scratch + l.ends + n * l.ends_step());
      const auto for_each = [&](const auto& body) HONE_INLINE_LAMBDA {
        for (std::int64_t k = 0; k < l.conv.k; ++k)
          for (std::int64_t band = 0; band < l.bands; ++band) {
            const std::int64_t first = k * l.windows + band * l.band * l.pool.out_w;
            const std::int64_t end = first + count[k * l.bands + band];
            for (std::int64_t i = first; i < end; ++i) body(k, i);
          }
      };
      for (std::int64_t p = 0; p <= l.pixels; ++p) next[p] = 0;
      for_each([&](std::int64_t, std::int64_t i) HONE_INLINE_LAMBDA { ++next[places[i]]; });
      for (std::int32_t p = 0, sum = 0; p < l.pixels; ++p) {
        const std::int32_t first = sum;
        sum += next[p];
        next[p] = first;
      }
      // Afterwards each pixel's `next` is the end of its winners.
      for_each([&](std::int64_t k, std::int64_t i) HONE_INLINE_LAMBDA {
        winners[next[places[i]]++] = {static_cast<std::int32_t>(k), diffs[i]};
      });
    }
  }

  // A pass's weights stay in the first cache while images [n_begin, n_end) are done with them.
  static void add_data(const Layout& l, const float* packed, float* scratch, std::int64_t n_begin,
                       std::int64_t n_end) noexcept {
    clear(scratch + l.images + n_begin * l.image, (n_end - n_begin) * l.image);
    typename Tiles::DataArgs t;
    t.pixels = l.pixels;
    t.pixel = l.pixel;
    t.row = l.row;
    l.for_each_pass([&](const Pass& pass) {
      const auto run = Tiles::data_of(pass.rows, pass.vectors);
      t.weights = packed + pass.first;
      for (std::int64_t n = n_begin; n < n_end; ++n) {
        t.winners = reinterpret_cast<const PoolWinner*>(scratch + l.winners + 2 * n * l.list);
        t.ends = reinterpret_cast<const std::int32_t*>(scratch + l.ends + n * l.ends_step());
        t.diff = scratch + l.images + n * l.image + pass.row * l.row + pass.vector * W;
        run(t);
      }
    });
  }

  // Calls body(begin, end) for `parts` of the items; threads share them.
  template <class Body>
  static void share(Crew& crew, std::int64_t items, std::int64_t parts, const Body& body) noexcept {
    crew.share(parts, [&](std::int64_t part) { body(part * items / parts, (part + 1) * items / parts); });
  }

  static void backward(const ConvPoolPlan& plan, const ConvPoolArgs<float>& a, std::int64_t blocks,
                       Crew& crew) noexcept {
    const Layout l(plan);
    constexpr std::int64_t kCost = 4;  // of a vector of a winner's run, in multiply-adds of other kernels
    const std::int64_t parts = parts_worth(kCost * L * l.conv.k * l.windows * l.conv.r * l.vectors, L / 2);
    float* starts = a.scratch + l.starts;
    for (std::int64_t oh = 0; oh < l.pool.out_h; ++oh)
      for (std::int64_t ow = 0; ow < l.pool.out_w; ++ow)
        starts[oh * l.pool.out_w + ow] =
            static_cast<float>(oh * l.pool.size_h * (l.conv.out_w + l.conv.s - 1) + ow * l.pool.size_w);
    clear(a.scratch + l.sums, l.weights_size());
    if (a.diff_bias != nullptr) clear(a.diff_bias, l.conv.k);
    for (std::int64_t b = 0; b < blocks; ++b) {
      spread(l, a.src + b * l.conv.src_size() * L, a.scratch + l.images);
      list_winners(l, a, b);
      count_winners(l, a);
      share(crew, l.conv.k, parts, [&](std::int64_t k, std::int64_t end) { add_weights(l, a.scratch, k, end); });
      if (a.diff_src == nullptr) continue;
      share(crew, L, parts, [&](std::int64_t n, std::int64_t end) {
        sort_winners(l, a.scratch, n, end);
        add_data(l, a.packed, a.scratch, n, end);
      });
      gather(l, a.scratch + l.images, a.diff_src + b * l.conv.src_size() * L);
    }
    const float* sums = a.scratch + l.sums;
    l.for_each_weight([&](std::int64_t weight, std::int64_t from)
                          HONE_INLINE_LAMBDA { a.diff_weights[weight] = sums[from]; });
  }
};

}  // namespace hone::simd
