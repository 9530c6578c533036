// Passes over plain NCHW tensors of any size: whole vectors, then what is left.
#pragma once

#include "engine/kernels/simd/elementwise-inl.hpp"
#include "engine/kernels/simd/single_vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SingleElementwise {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  using F = Floats<Arch, L>;
  using V = typename F::V;

  static void activation_forward(Activation kind, const float* src, float* dst, std::int64_t count) noexcept {
    const std::int64_t whole = count / L * L, rest = count - whole;
    Elementwise<Arch>::activation_forward(kind, src, dst, whole);
    if (rest == 0) return;
    alignas(64) float last[L] = {};
    for (std::int64_t i = 0; i < rest; ++i) last[i] = src[whole + i];
    Elementwise<Arch>::activation_forward(kind, last, last, L);
    for (std::int64_t i = 0; i < rest; ++i) dst[whole + i] = last[i];
  }

  static void add(const float* a, const float* b, float* dst, std::int64_t count) noexcept {
    const std::int64_t whole = count / L * L;
    Elementwise<Arch>::add(a, b, dst, whole);
    for (std::int64_t i = whole; i < count; ++i) dst[i] = a[i] + b[i];
  }

  static void batch_norm_apply(std::int64_t channels, std::int64_t pixels, const float* src, const float* scale,
                               const float* shift, float* dst, std::int64_t blocks) noexcept {
    for (std::int64_t plane = 0; plane < blocks * channels; ++plane, src += pixels, dst += pixels) {
      const float of_src = scale[plane % channels], constant = shift[plane % channels];
      const V a = F::broadcast(of_src), b = F::broadcast(constant);
      std::int64_t i = 0;
      for (; i + L <= pixels; i += L) F::store(dst + i, F::fma(F::load(src + i), a, b));
      for (; i < pixels; ++i) dst[i] = src[i] * of_src + constant;
    }
  }

  static void load_bytes(const LoadArgs<float>& args, const std::uint8_t* src, std::int64_t, float* dst) noexcept {
    typedef std::uint8_t Bytes __attribute__((vector_size(L), aligned(1), may_alias));
    for (std::int64_t c = 0; c < args.channels; ++c, src += args.pixels, dst += args.pixels) {
      const V mean = F::broadcast(args.mean[c]), scale = F::broadcast(args.scale[c]);
      std::int64_t i = 0;
      for (; i + L <= args.pixels; i += L) {
        const V values = __builtin_convertvector(*reinterpret_cast<const Bytes*>(src + i), V);
        F::store(dst + i, (values - mean) * scale);
      }
      for (; i < args.pixels; ++i) dst[i] = (static_cast<float>(src[i]) - args.mean[c]) * args.scale[c];
    }
  }
};

}  // namespace hone::simd
