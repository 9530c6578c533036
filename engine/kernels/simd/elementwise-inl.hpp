// Activations, dropout, sums; exp, log and tanh are xsimd's, the same code on every CPU of an ISA.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Elementwise {
  using V = Vec<Arch>;
  using U = xsimd::batch<std::uint32_t, Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr float kGeluScale = 0.7978845608028654f, kGeluCubic = 0.044715f, kLeakySlope = 0.01f;

  template <Activation kind>
  HONE_INLINE static V activate(const V& x) noexcept {
    const V zero(0.0f), one(1.0f);
    if constexpr (kind == Activation::relu) return relu<Arch>(x);
    if constexpr (kind == Activation::leaky_relu) return xsimd::select(x < zero, x * V(kLeakySlope), x);
    if constexpr (kind == Activation::relu6) return xsimd::min(V(6.0f), relu<Arch>(x));
    if constexpr (kind == Activation::elu) return xsimd::select(x < zero, xsimd::expm1(x), x);
    if constexpr (kind == Activation::gelu) return V(0.5f) * x * (one + gelu_tanh(x));
    if constexpr (kind == Activation::silu) return x / (one + xsimd::exp(-x));
    if constexpr (kind == Activation::sigmoid) return one / (one + xsimd::exp(-x));
    if constexpr (kind == Activation::tanh) return xsimd::tanh(x);
    if constexpr (kind == Activation::softplus) return relu<Arch>(x) + xsimd::log1p(xsimd::exp(-xsimd::abs(x)));
    return x;
  }

  HONE_INLINE static V gelu_tanh(const V& x) noexcept {
    return xsimd::tanh(V(kGeluScale) * (x + V(kGeluCubic) * x * x * x));
  }

  // Derivative; v is the input where needs_input(kind), else the output.
  template <Activation kind>
  HONE_INLINE static V derivative(const V& v) noexcept {
    const V zero(0.0f), one(1.0f);
    if constexpr (kind == Activation::relu) return xsimd::select(v > zero, one, zero);
    if constexpr (kind == Activation::leaky_relu) return xsimd::select(v > zero, one, V(kLeakySlope));
    if constexpr (kind == Activation::relu6) return xsimd::select((v > zero) & (v < V(6.0f)), one, zero);
    if constexpr (kind == Activation::elu) return xsimd::select(v > zero, one, v + one);
    if constexpr (kind == Activation::gelu) {
      const V t = gelu_tanh(v);
      return V(0.5f) * (one + t) + V(0.5f) * v * (one - t * t) * V(kGeluScale) * (one + V(3 * kGeluCubic) * v * v);
    }
    if constexpr (kind == Activation::silu) {
      const V s = one / (one + xsimd::exp(-v));
      return s * (one + v * (one - s));
    }
    if constexpr (kind == Activation::sigmoid) return v * (one - v);
    if constexpr (kind == Activation::tanh) return one - v * v;
    if constexpr (kind == Activation::softplus) return one - xsimd::exp(-v);
    return one;
  }

  // body(constant of the kind): one loop a kind, without a branch inside.
  template <class Body>
  static void with_kind(Activation kind, const Body& body) noexcept {
    switch (kind) {
      case Activation::none:
        body(std::integral_constant<Activation, Activation::none>{});
        break;
      case Activation::relu:
        body(std::integral_constant<Activation, Activation::relu>{});
        break;
      case Activation::leaky_relu:
        body(std::integral_constant<Activation, Activation::leaky_relu>{});
        break;
      case Activation::relu6:
        body(std::integral_constant<Activation, Activation::relu6>{});
        break;
      case Activation::elu:
        body(std::integral_constant<Activation, Activation::elu>{});
        break;
      case Activation::gelu:
        body(std::integral_constant<Activation, Activation::gelu>{});
        break;
      case Activation::silu:
        body(std::integral_constant<Activation, Activation::silu>{});
        break;
      case Activation::sigmoid:
        body(std::integral_constant<Activation, Activation::sigmoid>{});
        break;
      case Activation::tanh:
        body(std::integral_constant<Activation, Activation::tanh>{});
        break;
      case Activation::softplus:
        body(std::integral_constant<Activation, Activation::softplus>{});
        break;
    }
  }

  static void activation_forward(Activation kind, const float* src, float* dst, std::int64_t count) noexcept {
    with_kind(kind, [&](auto k) HONE_INLINE_LAMBDA {
      for (std::int64_t i = 0; i < count; i += L) store<Arch>(dst + i, activate<k()>(load<Arch>(src + i)));
    });
  }

  static void activation_backward(Activation kind, const float* src, const float* dst, const float* diff_dst,
                                  float* diff_src, std::int64_t count) noexcept {
    const float* from = needs_input(kind) ? src : dst;
    with_kind(kind, [&](auto k) HONE_INLINE_LAMBDA {
      for (std::int64_t i = 0; i < count; i += L)
        store<Arch>(diff_src + i, load<Arch>(diff_dst + i) * derivative<k()>(load<Arch>(from + i)));
    });
  }

  static void add(const float* a, const float* b, float* dst, std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; i += L) store<Arch>(dst + i, load<Arch>(a + i) + load<Arch>(b + i));
  }

  // Values to drop, by the bits of ref::dropout_bits.
  struct Dropped {
    U key0, key1;
    xsimd::batch<std::int32_t, Arch> threshold;

    // Unsigned comparison on every ISA: as signed numbers with the top bit flipped.
    HONE_INLINE Dropped(const DropoutArgs& args, const U& first, const U& second) noexcept
        : key0(first), key1(second), threshold(static_cast<std::int32_t>(args.threshold ^ 0x80000000u)) {}

    HONE_INLINE auto at(const U& i) const noexcept {
      const U c1(0x85EBCA6Bu), c2(0xC2B2AE35u);
      U h = (i * U(0x9E3779B9u)) ^ key0;
      h = (h ^ (h >> 16)) * c1;
      h = (h ^ (h >> 13)) * c2;
      h = (h ^ (h >> 16)) + key1;
      h = (h ^ (h >> 16)) * c1;
      h = (h ^ (h >> 13)) * c2;
      h = h ^ (h >> 16);
      const auto bits = xsimd::bitwise_cast<xsimd::batch<std::int32_t, Arch>>(h ^ U(0x80000000u));
      return xsimd::bool_cast(bits < threshold);
    }
  };

  static void dropout(const DropoutArgs& args, const float* src, const std::uint32_t* keys, float* dst,
                      std::int64_t count) noexcept {
    alignas(64) std::uint32_t first[L], second[L];
    for (std::int64_t l = 0; l < L; ++l) {
      first[l] = keys[2 * l];
      second[l] = keys[2 * l + 1];
    }
    const Dropped dropped(args, U::load_aligned(first), U::load_aligned(second));
    const V scale(static_cast<float>(args.scale));
    for (std::int64_t i = 0; i < count; ++i)
      store<Arch>(dst + i * L, xsimd::select(dropped.at(U(static_cast<std::uint32_t>(i))), V(0.0f),
                                             load<Arch>(src + i * L) * scale));
  }
};

}  // namespace hone::simd
