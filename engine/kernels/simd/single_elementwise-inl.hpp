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

  // body(whole vectors' values, their count), then the same on a vector with what is left; arrays may be null.
  template <int N, class Body>
  HONE_INLINE static void with_tail(const float* const (&src)[N], float* dst, std::int64_t count,
                                    const Body& body) noexcept {
    const std::int64_t whole = count / L * L, rest = count - whole;
    body(src, dst, whole);
    if (rest == 0) return;
    alignas(64) float last[N + 1][L] = {};
    const float* from[N];
    for (int n = 0; n < N; ++n) {
      from[n] = last[n];
      for (std::int64_t i = 0; i < rest && src[n] != nullptr; ++i) last[n][i] = src[n][whole + i];
    }
    body(from, last[N], L);
    for (std::int64_t i = 0; i < rest; ++i) dst[whole + i] = last[N][i];
  }

  static void activation_forward(Activation kind, const float* src, float* dst, std::int64_t count) noexcept {
    with_tail<1>({src}, dst, count, [&](auto& from, float* to, std::int64_t n) {
      Elementwise<Arch>::activation_forward(kind, from[0], to, n);
    });
  }

  static void activation_backward(Activation kind, const float* src, const float* dst, const float* diff_dst,
                                  float* diff_src, std::int64_t count) noexcept {
    with_tail<3>({src, dst, diff_dst}, diff_src, count, [&](auto& from, float* to, std::int64_t n) {
      Elementwise<Arch>::activation_backward(kind, from[0], from[1], from[2], to, n);
    });
  }

  static void add(const float* a, const float* b, float* dst, std::int64_t count) noexcept {
    with_tail<2>({a, b}, dst, count,
                 [&](auto& from, float* to, std::int64_t n) { Elementwise<Arch>::add(from[0], from[1], to, n); });
  }

  // A vector holds values that are beside each other, with the keys of their image.
  static void dropout(const DropoutArgs& args, const float* src, const std::uint32_t* keys, float* dst,
                      std::int64_t count) noexcept {
    using U = typename Elementwise<Arch>::U;
    alignas(64) std::uint32_t numbers[L];
    for (int i = 0; i < L; ++i) numbers[i] = static_cast<std::uint32_t>(i);
    const typename Elementwise<Arch>::Dropped dropped(args, U(keys[0]), U(keys[1]));
    const Vec<Arch> scale(static_cast<float>(args.scale)), zero(0.0f);
    U number = U::load_aligned(numbers);
    with_tail<1>({src}, dst, count, [&](auto& from, float* to, std::int64_t n) {
      for (std::int64_t i = 0; i < n; i += L, number += U(static_cast<std::uint32_t>(L)))
        simd::store<Arch>(to + i, xsimd::select(dropped.at(number), zero, simd::load<Arch>(from[0] + i) * scale));
    });
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
