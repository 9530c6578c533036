// What every vectorised kernel needs. Included by files of engine/kernels/isa/ only; everything is a template on Arch,
// so that code compiled with one ISA's flags has a name of its own.
#pragma once

#include <cstdint>
#include <utility>
#include <xsimd/xsimd.hpp>

#define HONE_INLINE [[gnu::always_inline]] inline
// Behind the parameters of a lambda that unroll() runs: one that is left out of line would take the address of the
// accumulators and so keep them in memory.
#define HONE_INLINE_LAMBDA __attribute__((always_inline))

namespace hone::simd {

template <class Arch>
using Vec = xsimd::batch<float, Arch>;

template <class Arch>
inline constexpr std::int64_t kLanes = static_cast<std::int64_t>(Vec<Arch>::size);

// Vector registers: sizes of tiles follow from it.
template <class Arch>
inline constexpr int kRegisters = 16;
#if XSIMD_WITH_AVX512F
template <>
inline constexpr int kRegisters<xsimd::avx512bw> = 32;
#endif
#if XSIMD_WITH_NEON64
template <>
inline constexpr int kRegisters<xsimd::neon64> = 32;
#endif

template <class Body, int... I>
HONE_INLINE void unroll_sequence(const Body& body, std::integer_sequence<int, I...>) {
  (body(std::integral_constant<int, I>{}), ...);
}

// body(0) ... body(N - 1), each with a constant: accumulators indexed by it stay in registers.
template <int N, class Body>
HONE_INLINE void unroll(const Body& body) {
  unroll_sequence(body, std::make_integer_sequence<int, N>{});
}

template <class Arch>
HONE_INLINE Vec<Arch> load(const float* from) {
  return Vec<Arch>::load_unaligned(from);
}

// A load that stays in a register: otherwise g++ folds it into each of the multiply-adds that use it, which are then
// bound by loads.
template <class Arch>
HONE_INLINE Vec<Arch> load_pinned(const float* from) {
  Vec<Arch> x = Vec<Arch>::load_unaligned(from);
#if defined(__AVX512F__)
  asm("" : "+v"(x.data));
#elif defined(__SSE2__)
  asm("" : "+x"(x.data));
#elif defined(__aarch64__)
  asm("" : "+w"(x.data));
#endif
  return x;
}

template <class Arch>
HONE_INLINE void store(float* to, const Vec<Arch>& x) {
  x.store_unaligned(to);
}

// a * b + c, fused where the ISA can. (xsimd 8.1 has no fused form for AVX-512.)
template <class Arch>
HONE_INLINE Vec<Arch> fma(const Vec<Arch>& a, const Vec<Arch>& b, const Vec<Arch>& c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#else
  return xsimd::fma(a, b, c);
#endif
}

// max(0, x) that lets a NaN through, whichever operand the instruction prefers.
template <class Arch>
HONE_INLINE Vec<Arch> relu(const Vec<Arch>& x) {
  return xsimd::max(Vec<Arch>(0.0f), x);
}

// Cuts `count` into the fewest parts of at most Most, as even as can be, and calls body(first, size) for each.
template <int Most, class Body>
HONE_INLINE void split_evenly(std::int64_t count, const Body& body) {
  const std::int64_t parts = (count + Most - 1) / Most;
  std::int64_t first = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t end = (part + 1) * count / parts;
    body(first, end - first);
    first = end;
  }
}

// dst[i] = sum of the lanes of x[i], i < N. (xsimd 8.1's haddp gives wrong sums on AVX-512.)
template <class Arch, int N>
HONE_INLINE void store_lane_sums(const Vec<Arch>* x, float* dst) {
  unroll<N>([&](auto i) HONE_INLINE_LAMBDA { dst[i] = xsimd::hadd(x[i]); });
}

}  // namespace hone::simd
