// Activations, dropout, sums.
#pragma once

#include <cmath>

#include "engine/kernels/table.hpp"

namespace hone::ref {

// sqrt(2 / pi) and the cubic term of GELU's tanh formula (Hendrycks & Gimpel 2016, arXiv:1606.08415).
inline constexpr double kGeluScale = 0.7978845608028654;
inline constexpr double kGeluCubic = 0.044715;
inline constexpr double kLeakySlope = 0.01;

template <class T>
T activate(Activation kind, T x) {
  switch (kind) {
    case Activation::relu:
      return x < 0 ? T(0) : x;
    case Activation::leaky_relu:
      return x < 0 ? T(kLeakySlope) * x : x;
    case Activation::relu6:
      return x < 0 ? T(0) : x > 6 ? T(6) : x;
    case Activation::elu:
      return x < 0 ? std::exp(x) - 1 : x;
    case Activation::gelu:
      return T(0.5) * x * (1 + std::tanh(T(kGeluScale) * (x + T(kGeluCubic) * x * x * x)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::softplus:
      return (x > 0 ? x : T(0)) + std::log1p(std::exp(x > 0 ? -x : x));
    case Activation::none:
      return x;
  }
  return x;
}

// Derivative at input x with output y; only one of them is looked at, see needs_input().
template <class T>
T derivative(Activation kind, T x, T y) {
  switch (kind) {
    case Activation::relu:
      return y > 0 ? T(1) : T(0);
    case Activation::leaky_relu:
      return y > 0 ? T(1) : T(kLeakySlope);
    case Activation::relu6:
      return y > 0 && y < 6 ? T(1) : T(0);
    case Activation::elu:
      return y > 0 ? T(1) : y + 1;
    case Activation::gelu: {
      const T t = std::tanh(T(kGeluScale) * (x + T(kGeluCubic) * x * x * x));
      return T(0.5) * (1 + t) + T(0.5) * x * (1 - t * t) * T(kGeluScale) * (1 + 3 * T(kGeluCubic) * x * x);
    }
    case Activation::silu: {
      const T s = 1 / (1 + std::exp(-x));
      return s * (1 + x * (1 - s));
    }
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::tanh:
      return 1 - y * y;
    case Activation::softplus:
      return 1 - std::exp(-y);
    case Activation::none:
      return 1;
  }
  return 1;
}

// 32 random bits of value `i` of the image with these keys: two rounds of MurmurHash3's finaliser.
inline std::uint32_t dropout_bits(std::uint32_t key0, std::uint32_t key1, std::uint32_t i) {
  std::uint32_t h = i * 0x9E3779B9u ^ key0;
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  h = (h ^ (h >> 16)) + key1;
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return h ^ (h >> 16);
}

template <class T, std::int64_t L>
struct Elementwise {
  static void activation_forward(Activation kind, const T* src, T* dst, std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i) dst[i] = activate(kind, src[i]);
  }

  static void activation_backward(Activation kind, const T* src, const T* dst, const T* diff_dst, T* diff_src,
                                  std::int64_t count) noexcept {
    const bool input = needs_input(kind);
    for (std::int64_t i = 0; i < count; ++i)
      diff_src[i] = diff_dst[i] * derivative(kind, input ? src[i] : T(0), input ? T(0) : dst[i]);
  }

  static void add(const T* a, const T* b, T* dst, std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i) dst[i] = a[i] + b[i];
  }

  static void dropout(const DropoutArgs& args, const T* src, const std::uint32_t* keys, T* dst,
                      std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t l = 0; l < L; ++l) {
        const bool dropped = dropout_bits(keys[2 * l], keys[2 * l + 1], static_cast<std::uint32_t>(i)) < args.threshold;
        dst[i * L + l] = dropped ? T(0) : src[i * L + l] * static_cast<T>(args.scale);
      }
  }
};

}  // namespace hone::ref
