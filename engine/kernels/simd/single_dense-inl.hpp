// Fully connected layers of one image at a time: vectors run along the inputs, several outputs at once.
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
    unroll<TB>([&](auto b) HONE_INLINE_LAMBDA { unroll<TO>([&](auto o) HONE_INLINE_LAMBDA { acc[b][o] = V{}; }); });
    std::int64_t i = 0;
    for (; i + L <= p.in; i += L) {
      V x[TB];
      unroll<TB>([&](auto b) HONE_INLINE_LAMBDA { x[b] = F::load(src + b * p.in + i); });
      unroll<TO>([&](auto o) HONE_INLINE_LAMBDA {
        const V w = F::load(weights + o * p.in + i);
        unroll<TB>([&](auto b) HONE_INLINE_LAMBDA { acc[b][o] = F::fma(w, x[b], acc[b][o]); });
      });
    }
    unroll<TB>([&](auto b) HONE_INLINE_LAMBDA {
      unroll<TO>([&](auto o) HONE_INLINE_LAMBDA {
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
};

}  // namespace hone::simd
