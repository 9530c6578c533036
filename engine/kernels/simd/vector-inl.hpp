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

// Whether a convolution's tile (of a block of images) unrolls three taps of a row, which saves loads. With AVX2 that
// would push sums out of its few registers.
template <class Arch>
inline constexpr bool kUnrollsTaps = kRegisters<Arch> >= 32 || kLanes<Arch> == 4;

// body(0) ... body(N - 1), unrolled: accumulators indexed by it stay in registers.
template <int N, class Body>
HONE_INLINE void unroll(const Body& body) {
#pragma GCC unroll 64
  for (int i = 0; i < N; ++i) body(i);
}

template <class Body, int... I>
HONE_INLINE void call_each(const Body& body, std::integer_sequence<int, I...>) {
  (body(I), ...);
}

// The same as N calls, in which the index is known before g++ does anything else: where sums fill the registers, it
// then moves fewer of them to the stack. Takes longer to compile.
template <int N, class Body>
HONE_INLINE void unroll_early(const Body& body) {
  call_each(body, std::make_integer_sequence<int, N>{});
}

template <class Body, int... I>
HONE_INLINE void call_each_instance(const Body& body, std::integer_sequence<int, I...>) {
  (body(std::integral_constant<int, I>{}), ...);
}

// The same with an instance of the body for each index, for types that depend on it. Takes longest to compile.
template <int N, class Body>
HONE_INLINE void unroll_constants(const Body& body) {
  call_each_instance(body, std::make_integer_sequence<int, N>{});
}

template <class Arch>
HONE_INLINE Vec<Arch> load(const float* from) {
  return Vec<Arch>::load_unaligned(from);
}

// x, kept in a register: otherwise g++ folds its load into each of the multiply-adds that use it, which are then bound
// by loads.
template <class Arch, class Register>
HONE_INLINE Register pinned(Register x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__SSE2__)
  asm("" : "+x"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}

// The same value, or address, of which the compiler knows nothing: it makes it where this is written, and what was
// loaded from there before is not kept in a register.
template <class T>
HONE_INLINE T opaque(T x) {
  asm("" : "+r"(x));
  return x;
}

template <class Arch>
HONE_INLINE Vec<Arch> load_pinned(const float* from) {
  return pinned<Arch>(Vec<Arch>::load_unaligned(from).data);
}

template <class Arch>
HONE_INLINE Vec<Arch> broadcast_pinned(const float* from) {
  return pinned<Arch>(Vec<Arch>(*from).data);
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

HONE_INLINE constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

// Cuts `count` into the fewest parts of at most `most`, as even as can be, and calls body(first, size) for each.
template <class Body>
HONE_INLINE void split_evenly(std::int64_t count, std::int64_t most, const Body& body) {
  const std::int64_t parts = divide_up(count, most);
  std::int64_t first = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t end = (part + 1) * count / parts;
    body(first, end - first);
    first = end;
  }
}
template <int Most, class Body>
HONE_INLINE void split_evenly(std::int64_t count, const Body& body) {
  split_evenly(count, Most, body);
}

// In how many parts threads share what takes so many vectors of multiply-adds: each long enough to be worth it, some
// six microseconds, and at most as many as it can be cut into.
HONE_INLINE std::int64_t parts_worth(std::int64_t multiply_adds, std::int64_t most) {
  constexpr std::int64_t kMultiplyAdds = 1 << 15;
  const std::int64_t parts = multiply_adds / kMultiplyAdds;
  return parts < 1 ? 1 : parts < most ? parts : most;
}

// Lane sums of as many vectors as a vector has lanes: each level adds the halves of blocks of pairs of vectors.
template <class Arch>
struct LaneSums {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  typedef float V __attribute__((vector_size(L * sizeof(float))));

  // In each block of 2 H lanes: its halves added, a's first, then b's. One of the two shuffles moves nothing.
  template <int H, int... I>
  HONE_INLINE static V halves(const V& a, const V& b, std::integer_sequence<int, I...>) {
    const V stay = __builtin_shufflevector(a, b, (I / H % 2 == 0 ? I : I + L)...);
    const V cross = __builtin_shufflevector(a, b, (I / H % 2 == 0 ? I + H : I + L - H)...);
    return stay + cross;
  }

  // Of N vectors, each `step` vectors behind the one before it. Lanes of the result are in the order of the vectors.
  template <int N>
  HONE_INLINE static V sum(const float* from, std::int64_t step) {
    if constexpr (N == 1) {
      V x;
      __builtin_memcpy(&x, from, sizeof x);
      return x;
    } else {
      return halves<L / N>(sum<N / 2>(from, 2 * step), sum<N / 2>(from + step * L, 2 * step),
                           std::make_integer_sequence<int, L>{});
    }
  }
};

// dst[i] = sum of the lanes of the vector at from + i * kLanes, i < kLanes. (xsimd 8.1's haddp is wrong on AVX-512.)
template <class Arch>
HONE_INLINE void lane_sums(const float* from, float* dst) {
  const auto sums = LaneSums<Arch>::template sum<LaneSums<Arch>::L>(from, 1);
  __builtin_memcpy(dst, &sums, sizeof sums);
}

}  // namespace hone::simd
