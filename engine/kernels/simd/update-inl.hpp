// Flat passes over parameters. Every count has a tail that is done value by value, with the same operations.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Update {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  // body(offset) on vectors; the rest goes through one vector that is copied in and out of small buffers by the
  // caller's arrays: arrays[i] is read and written from offset on.
  template <int N, class Body>
  HONE_INLINE static void for_each_vector(float* const (&arrays)[N], std::int64_t count, const Body& body) noexcept {
    std::int64_t i = 0;
    for (; i + L <= count; i += L) {
      V x[N];
      unroll<N>([&](int n) HONE_INLINE_LAMBDA { x[n] = arrays[n] == nullptr ? V(0.0f) : load<Arch>(arrays[n] + i); });
      body(x);
      unroll<N>([&](int n) HONE_INLINE_LAMBDA {
        if (arrays[n] != nullptr) store<Arch>(arrays[n] + i, x[n]);
      });
    }
    if (i == count) return;
    alignas(64) float tail[N][L] = {};
    unroll<N>([&](int n) HONE_INLINE_LAMBDA {
      for (std::int64_t j = i; j < count && arrays[n] != nullptr; ++j) tail[n][j - i] = arrays[n][j];
    });
    V x[N];
    unroll<N>([&](int n) HONE_INLINE_LAMBDA { x[n] = load<Arch>(tail[n]); });
    body(x);
    unroll<N>([&](int n) HONE_INLINE_LAMBDA {
      store<Arch>(tail[n], x[n]);
      for (std::int64_t j = i; j < count && arrays[n] != nullptr; ++j) arrays[n][j] = tail[n][j - i];
    });
  }

  static void sum_partials(const float* partials, std::int64_t stride, std::int64_t partial_count, float* dst,
                           std::int64_t count) noexcept {
    std::int64_t i = 0;
    for (; i + L <= count; i += L) {
      V sum = load<Arch>(partials + i);
      for (std::int64_t p = 1; p < partial_count; ++p) sum += load<Arch>(partials + p * stride + i);
      store<Arch>(dst + i, sum);
    }
    for (; i < count; ++i) {
      float sum = partials[i];
      for (std::int64_t p = 1; p < partial_count; ++p) sum += partials[p * stride + i];
      dst[i] = sum;
    }
  }

  static void sgd(const SgdArgs<float>& args, float* weights, const float* gradient, float gradient_scale,
                  float* velocity, std::int64_t count) noexcept {
    const V rate(args.learning_rate), momentum(args.momentum), decay(args.weight_decay), scale(gradient_scale);
    float* const arrays[] = {weights, const_cast<float*>(gradient), velocity};  // the gradient is stored unchanged
    for_each_vector(arrays, count, [&](V(&x)[3]) {
      V step = fma<Arch>(x[1], scale, decay * x[0]);
      if (velocity != nullptr) {
        x[2] = fma<Arch>(momentum, x[2], step);
        step = args.nesterov ? fma<Arch>(momentum, x[2], step) : x[2];
      }
      x[0] -= rate * step;
    });
  }

  static void adam(const AdamArgs<float>& args, float* weights, const float* gradient, float gradient_scale,
                   float* first, float* second, std::int64_t count) noexcept {
    const V beta1(args.beta1), beta2(args.beta2), rest1(1 - args.beta1), rest2(1 - args.beta2), eps(args.eps);
    const V rate(args.learning_rate), scale(gradient_scale), coupled(args.coupled_decay);
    const V decoupled(args.decoupled_decay), correction1(args.correction1), correction2(args.correction2);
    float* const arrays[] = {weights, const_cast<float*>(gradient), first, second};
    for_each_vector(arrays, count, [&](V(&x)[4]) {
      const V g = fma<Arch>(x[1], scale, coupled * x[0]);
      x[2] = fma<Arch>(beta1, x[2], rest1 * g);
      x[3] = fma<Arch>(beta2, x[3], rest2 * g * g);
      const V denominator = xsimd::sqrt(x[3] * correction2) + eps;
      x[0] -= decoupled * x[0] + rate * (x[2] * correction1) / denominator;
    });
  }
};

}  // namespace hone::simd
