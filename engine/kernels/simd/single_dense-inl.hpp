// Fully connected layers of one image at a time: vectors run along the inputs, several outputs or images
// at once.
#pragma once

#include "engine/kernels/simd/single_vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct SingleDense {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  using F = Floats<Arch, L>;
  using V = typename F::V;
  static constexpr int kOutputs = 4, kImages = 2;

  // TO outputs of TB images. An output's sum is always made in the same order.
  template <int TB, int TO>
  HONE_INLINE static void tile(const DenseShape& p, const float* src, const float* weights, const float* bias,
                               bool with_relu, float* dst) noexcept {
    V acc[TB][TO];
    unroll<TB>([&](int b) HONE_INLINE_LAMBDA { unroll<TO>([&](int o) HONE_INLINE_LAMBDA { acc[b][o] = V{}; }); });
    std::int64_t i = 0;
    for (; i + L <= p.in; i += L) {
      V x[TB];
      unroll<TB>([&](int b) HONE_INLINE_LAMBDA { x[b] = F::load(src + b * p.in + i); });
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        const V w = F::load(weights + o * p.in + i);
        unroll<TB>([&](int b) HONE_INLINE_LAMBDA { acc[b][o] = F::fma(w, x[b], acc[b][o]); });
      });
    }
    unroll<TB>([&](int b) HONE_INLINE_LAMBDA {
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        float sum = F::sum(acc[b][o]);
        for (std::int64_t rest = i; rest < p.in; ++rest) sum += weights[o * p.in + rest] * src[b * p.in + rest];
        if (bias != nullptr) sum += bias[o];
        dst[b * p.out + o] = with_relu && sum < 0.0f ? 0.0f : sum;
      });
    });
  }

  template <int TO>
  [[gnu::noinline]] static void outputs(const DenseShape& p, const float* src, const float* weights, const float* bias,
                                        bool with_relu, float* dst, std::int64_t images) noexcept {
    std::int64_t b = 0;
    for (; b + kImages <= images; b += kImages)
      tile<kImages, TO>(p, src + b * p.in, weights, bias, with_relu, dst + b * p.out);
    for (; b < images; ++b) tile<1, TO>(p, src + b * p.in, weights, bias, with_relu, dst + b * p.out);
  }

  static void forward(const DenseShape& p, const float* src, const float* weights, const float* bias, bool with_relu,
                      float* dst, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    std::int64_t o = begin;
    const auto bias_of = [&](std::int64_t output) { return bias == nullptr ? nullptr : bias + output; };
    for (; o + kOutputs <= end; o += kOutputs)
      outputs<kOutputs>(p, src, weights + o * p.in, bias_of(o), with_relu, dst + o, blocks);
    for (; o < end; ++o) outputs<1>(p, src, weights + o * p.in, bias_of(o), with_relu, dst + o, blocks);
  }

  // ---- gradient of the input: TB images x TV vectors of inputs

  static constexpr int kGradientImages = kRegisters<Arch> >= 32 ? 6 : 2, kGradientVectors = 4;

  template <int TB, int TV>
  [[gnu::noinline]] static void gradient_tile(const DenseShape& p, const float* diff_dst, const float* weights,
                                              float* diff_src) noexcept {
    V acc[TB][TV];
    unroll<TB>([&](int b) HONE_INLINE_LAMBDA { unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[b][v] = V{}; }); });
    for (std::int64_t o = 0; o < p.out; ++o, weights += p.in) {
      V w[TV];
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { w[v] = F::load(weights + v * L); });
      unroll<TB>([&](int b) HONE_INLINE_LAMBDA {
        const V d = F::broadcast(diff_dst[b * p.out + o]);
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[b][v] = F::fma(w[v], d, acc[b][v]); });
      });
    }
    unroll<TB>([&](int b) HONE_INLINE_LAMBDA {
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { F::store(diff_src + b * p.in + v * L, acc[b][v]); });
    });
  }

  using GradientTile = void (*)(const DenseShape&, const float*, const float*, float*) noexcept;
  template <int TV, int... B>
  static GradientTile gradient_tile_of(std::int64_t images, std::integer_sequence<int, B...>) noexcept {
    static constexpr GradientTile kTiles[] = {gradient_tile<B + 1, TV>...};
    return kTiles[images - 1];
  }

  static void backward_data(const DenseShape& p, const float* diff_dst, const float* weights, float* diff_src,
                            std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kGradientImages>{};
    split_evenly<kGradientImages>(blocks, [&](std::int64_t first, std::int64_t images) {
      const float* diff = diff_dst + first * p.out;
      float* to = diff_src + first * p.in;
      std::int64_t i = begin;
      const GradientTile many = gradient_tile_of<kGradientVectors>(images, sequence);
      for (; i + kGradientVectors * L <= end; i += kGradientVectors * L) many(p, diff, weights + i, to + i);
      const GradientTile one = gradient_tile_of<1>(images, sequence);
      for (; i + L <= end; i += L) one(p, diff, weights + i, to + i);
      if (i == end) return;
      if (end - begin >= L) return one(p, diff, weights + end - L, to + end - L);  // some of them once more
      for (std::int64_t b = 0; b < images; ++b)
        for (std::int64_t j = begin; j < end; ++j) {
          float sum = 0.0f;
          for (std::int64_t o = 0; o < p.out; ++o) sum += weights[o * p.in + j] * diff[b * p.out + o];
          to[b * p.in + j] = sum;
        }
    });
  }

  // ---- gradient of the weights: TO outputs of a vector of inputs

  static void transpose(const DenseShape& p, const float* src, float* transposed, std::int64_t blocks) noexcept {
    const std::int64_t row = p.padded_in();
    for (std::int64_t b = 0; b < blocks; ++b, src += p.in, transposed += row) {
      std::memcpy(transposed, src, static_cast<std::size_t>(p.in) * sizeof(float));
      for (std::int64_t i = p.in; i < row; ++i) transposed[i] = 0.0f;
    }
  }

  template <int TO>
  [[gnu::noinline]] static void weights_of(const DenseShape& p, const float* transposed, const float* diff_dst,
                                           float* diff_weights, std::int64_t images) noexcept {
    for (std::int64_t i = 0; i < p.in; i += L) {
      V acc[TO];
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA { acc[o] = V{}; });
      for (std::int64_t b = 0; b < images; ++b) {
        const V x = F::load(transposed + b * p.padded_in() + i);
        unroll<TO>([&](int o)
                       HONE_INLINE_LAMBDA { acc[o] = F::fma(x, F::broadcast(diff_dst[b * p.out + o]), acc[o]); });
      }
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        if (i + L <= p.in)
          F::store(diff_weights + o * p.in + i, acc[o]);
        else
          std::memcpy(diff_weights + o * p.in + i, &acc[o], static_cast<std::size_t>(p.in - i) * sizeof(float));
      });
    }
  }

  static void backward_weights(const DenseShape& p, const float* transposed, const float* diff_dst, float* diff_weights,
                               float* diff_bias, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    std::int64_t o = begin;
    for (; o + kOutputs <= end; o += kOutputs)
      weights_of<kOutputs>(p, transposed, diff_dst + o, diff_weights + o * p.in, blocks);
    for (; o < end; ++o) weights_of<1>(p, transposed, diff_dst + o, diff_weights + o * p.in, blocks);
    for (o = begin; o < end && diff_bias != nullptr; ++o) {
      diff_bias[o] = 0.0f;
      for (std::int64_t b = 0; b < blocks; ++b) diff_bias[o] += diff_dst[b * p.out + o];
    }
  }
};

}  // namespace hone::simd
