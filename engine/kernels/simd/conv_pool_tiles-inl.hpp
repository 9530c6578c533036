// The inner loops of conv_pool-inl.hpp, which describes them. Vectors run along a row of [kernel column][channel];
// where an ISA's vectors are wider than that is worth, narrower ones are used.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct Narrow {
  using V = Vec<Arch>;
  static constexpr std::int64_t W = kLanes<Arch>;
  HONE_INLINE static V load(const float* from) noexcept { return V::load_unaligned(from); }
  HONE_INLINE static void store(float* to, const V& x) noexcept { x.store_unaligned(to); }
  HONE_INLINE static V fill(float x) noexcept { return V(x); }
  HONE_INLINE static V add(const V& a, const V& b) noexcept { return a + b; }
  HONE_INLINE static V fma(const V& a, const V& b, const V& c) noexcept { return simd::fma<Arch>(a, b, c); }
};

#if XSIMD_WITH_AVX512F
// Two loads and two multiply-adds of 256 bits a cycle are as much as 512 bits do, and less of them is padding.
template <>
struct Narrow<xsimd::avx512bw> {
  using V = __m256;
  static constexpr std::int64_t W = 8;
  HONE_INLINE static V load(const float* from) noexcept { return _mm256_loadu_ps(from); }
  HONE_INLINE static void store(float* to, V x) noexcept { _mm256_storeu_ps(to, x); }
  HONE_INLINE static V fill(float x) noexcept { return _mm256_set1_ps(x); }
  HONE_INLINE static V add(V a, V b) noexcept { return _mm256_add_ps(a, b); }
  HONE_INLINE static V fma(V a, V b, V c) noexcept { return _mm256_fmadd_ps(a, b, c); }
};
#endif

// One gradient that is not known to be zero.
struct PoolWinner {
  std::int32_t k;  // output channel
  float diff;
};

template <class Arch>
struct ConvPoolTiles {
  using N = Narrow<Arch>;
  using V = typename N::V;
  static constexpr std::int64_t W = N::W;
  static constexpr int kMost = kRegisters<Arch> >= 32 ? 16 : kLanes<Arch> == 8 ? 15 : 10;  // vectors a tile
  static constexpr int kMostRows = 7;                                                      // kernel rows a tile

  struct WeightsArgs {
    const float* src;            // image 0 at pixel 0, the tile's first kernel row and vector
    const float* diffs;          // winners of image 0 ...
    const std::int32_t* pixels;  // ... and where in the convolution's output they are
    const std::int32_t* counts;
    std::int64_t images, image_step, list_step, count_step;
    std::int64_t pixel, row;  // steps in an image
    float* sums;              // [rows][vectors]
  };

  // sums[r][v] += diff * image[pixel of the winner][r][v], over winners of one output channel. Small tiles take several
  // winners at a time, each with sums of its own: one alone would wait for the latency of its multiply-add.
  template <int R, int VS>
  [[gnu::noinline]] static void weights(const WeightsArgs& a) noexcept {
    constexpr int kSums = R * VS, kSets = kSums < 3 ? 4 : kSums < 8 ? 2 : 1;
    V acc[kSets][kSums];
    unroll<kSums>([&](int i) HONE_INLINE_LAMBDA {
      acc[0][i] = N::load(a.sums + i * W);
      unroll<kSets - 1>([&](int set) HONE_INLINE_LAMBDA { acc[set + 1][i] = N::fill(0.0f); });
    });
    const std::int64_t row = a.row, pixel = a.pixel;
    for (std::int64_t n = 0; n < a.images; ++n) {
      const float *src = a.src + n * a.image_step, *diffs = a.diffs + n * a.list_step;
      const std::int32_t* pixels = a.pixels + n * a.list_step;
      const auto add = [&](V(&sums)[kSums], std::int64_t i) HONE_INLINE_LAMBDA {
        const V diff = N::fill(diffs[i]);
        const float* x = src + pixels[i] * pixel;
        unroll<kSums>(
            [&](int j) HONE_INLINE_LAMBDA { sums[j] = N::fma(diff, N::load(x + j / VS * row + j % VS * W), sums[j]); });
      };
      const std::int64_t count = a.counts[n * a.count_step];
      std::int64_t i = 0;
      for (; i + kSets <= count; i += kSets) unroll<kSets>([&](int set) HONE_INLINE_LAMBDA { add(acc[set], i + set); });
      for (; i < count; ++i) add(acc[0], i);
    }
    unroll<kSums>([&](int i) HONE_INLINE_LAMBDA {
      unroll<kSets - 1>([&](int set) HONE_INLINE_LAMBDA { acc[0][i] = N::add(acc[0][i], acc[set + 1][i]); });
      N::store(a.sums + i * W, acc[0][i]);
    });
  }

  struct DataArgs {
    const float* weights;       // [output channel][rows][vectors]
    const PoolWinner* winners;  // of one image, in the order of the pixels
    const std::int32_t* ends;   // of each pixel's winners
    std::int64_t pixels;
    std::int64_t pixel, row;  // steps in the image
    float* diff;              // the image at pixel 0, the tile's first kernel row and vector
  };

  // image[pixel][r][v] += diff * weights[output channel][r][v], over winners of one image: those of a pixel together.
  template <int R, int VS>
  [[gnu::noinline]] static void data(const DataArgs& a) noexcept {
    constexpr int kSums = R * VS;
    const std::int64_t row = a.row;
    const PoolWinner* winner = a.winners;
    float* at = a.diff;
    for (std::int64_t p = 0; p < a.pixels; ++p, at += a.pixel) {
      const PoolWinner* end = a.winners + a.ends[p];
      if (winner == end) continue;
      V acc[kSums];
      unroll<kSums>([&](int j) HONE_INLINE_LAMBDA { acc[j] = N::load(at + j / VS * row + j % VS * W); });
      for (; winner != end; ++winner) {
        const V diff = N::fill(winner->diff);
        const float* weights = a.weights + winner->k * (kSums * W);
        unroll<kSums>([&](int j) HONE_INLINE_LAMBDA { acc[j] = N::fma(diff, N::load(weights + j * W), acc[j]); });
      }
      unroll<kSums>([&](int j) HONE_INLINE_LAMBDA { N::store(at + j / VS * row + j % VS * W, acc[j]); });
    }
  }

  using Weights = void (*)(const WeightsArgs&) noexcept;
  using Data = void (*)(const DataArgs&) noexcept;

  template <int R, int VS>
  static constexpr Weights weights_tile() noexcept {
    if constexpr (R * VS <= kMost) return weights<R, VS>;
    return nullptr;
  }
  template <int R, int VS>
  static constexpr Data data_tile() noexcept {
    if constexpr (R * VS <= kMost) return data<R, VS>;
    return nullptr;
  }

  template <int... I>
  static Weights weights_of(std::int64_t rows, std::int64_t vectors, std::integer_sequence<int, I...>) noexcept {
    static constexpr Weights kTiles[] = {weights_tile<I / kMost + 1, I % kMost + 1>()...};
    return kTiles[(rows - 1) * kMost + vectors - 1];
  }
  template <int... I>
  static Data data_of(std::int64_t rows, std::int64_t vectors, std::integer_sequence<int, I...>) noexcept {
    static constexpr Data kTiles[] = {data_tile<I / kMost + 1, I % kMost + 1>()...};
    return kTiles[(rows - 1) * kMost + vectors - 1];
  }

  // rows <= kMostRows, rows * vectors <= kMost.
  static Weights weights_of(std::int64_t rows, std::int64_t vectors) noexcept {
    return weights_of(rows, vectors, std::make_integer_sequence<int, kMostRows * kMost>{});
  }
  static Data data_of(std::int64_t rows, std::int64_t vectors) noexcept {
    return data_of(rows, vectors, std::make_integer_sequence<int, kMostRows * kMost>{});
  }
};

}  // namespace hone::simd
