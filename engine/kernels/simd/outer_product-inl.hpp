// Multiply-adds of a convolution's tile where its sums, the factors it holds and one more fill the registers. Left to
// itself g++ 12 loads the next factors before it is done with these, and then moves sums to the stack, where they wait
// longer than for a multiply-add: here everything has its order and, where registers are sixteen, its place.
#pragma once

#include <type_traits>

#include "engine/kernels/simd/vector-inl.hpp"

// Sanitizers do not see what assembly reads, and may call functions that change registers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HONE_IS_SANITIZED 1
#elif defined(__has_feature)
#define HONE_IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define HONE_IS_SANITIZED 0
#endif
#if defined(__FMA__) && !HONE_IS_SANITIZED
#define HONE_HAS_CORRELATION 1
#else
#define HONE_HAS_CORRELATION 0
#endif
#if HONE_HAS_CORRELATION && !defined(__AVX512F__)
#define HONE_HAS_OUTER_PRODUCT 1
#else
#define HONE_HAS_OUTER_PRODUCT 0
#endif

namespace hone::simd {

template <class Arch>
inline constexpr bool kHasOuterProduct = HONE_HAS_OUTER_PRODUCT;
template <class Arch>
inline constexpr bool kHasCorrelation = HONE_HAS_CORRELATION;

inline constexpr int kFewestSums = 8;  // that are worth a loop of their own

// Whether sums of so many factors held by so many streamed have a correlation that gains.
template <class Arch>
constexpr bool correlates(int held, int streamed) {
  if (!kHasCorrelation<Arch> || held < 2 || held * streamed < kFewestSums) return false;
  return kHasOuterProduct<Arch> ? held <= 3 && held <= streamed : held * streamed + held < kRegisters<Arch>;
}

// Factors held and streamed are vectors or, of one of both, values for all lanes.
enum class Factors { vectors, held_values, streamed_values };

// What a row's ends lack of a correlation: the first held factor, its first step; the last one, its last step.
enum class Lacks { nothing, first, last, both };

constexpr bool lacks_first(Lacks lacks) { return lacks == Lacks::first || lacks == Lacks::both; }
constexpr bool lacks_last(Lacks lacks) { return lacks == Lacks::last || lacks == Lacks::both; }

// body(what a row's ends lack), as a constant.
template <class Body>
HONE_INLINE void with_lacks(bool first, bool last, const Body& body) {
  if (!first && !last)
    body(std::integral_constant<Lacks, Lacks::nothing>{});
  else if (!last)
    body(std::integral_constant<Lacks, Lacks::first>{});
  else if (!first)
    body(std::integral_constant<Lacks, Lacks::last>{});
  else
    body(std::integral_constant<Lacks, Lacks::both>{});
}

#if HONE_HAS_OUTER_PRODUCT

#define HONE_PLACES register __m256 h0 asm("ymm12"), h1 asm("ymm13"), h2 asm("ymm14"), s asm("ymm15")
#define HONE_BROADCAST(to, from) asm volatile("vbroadcastss %1, %0" : "=x"(to) : "m"(*(from)))
#define HONE_LOAD(to, from) asm volatile("vmovups %1, %0" : "=x"(to) : "m"(*reinterpret_cast<const float(*)[8]>(from)))
#define HONE_READ(to, values, from) \
  do {                              \
    if constexpr (values)           \
      HONE_BROADCAST(to, from);     \
    else                            \
      HONE_LOAD(to, from);          \
  } while (false)
#define HONE_ADD(sum, h) asm volatile("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(s), "x"(h))

// sum(i, j) += held(i) * streamed(j), i < H <= 3, j < S where wanted(j); held, streamed: addresses.
template <class Arch, Factors kFactors, int H, int S, class Held, class Streamed, class Sum, class Wanted>
HONE_INLINE void add_outer_product(const Held& held, const Streamed& streamed, const Sum& sum,
                                   const Wanted& wanted) noexcept {
  static_assert(H <= 3);
  HONE_PLACES;
  constexpr bool kValues = kFactors == Factors::held_values;
  if constexpr (H > 0) HONE_READ(h0, kValues, held(0));
  if constexpr (H > 1) HONE_READ(h1, kValues, held(1));
  if constexpr (H > 2) HONE_READ(h2, kValues, held(2));
#pragma GCC unroll 16
  for (int j = 0; j < S; ++j) {
    if (!wanted(j)) continue;
    HONE_READ(s, kFactors == Factors::streamed_values, streamed(j));
    if constexpr (H > 0) HONE_ADD(sum(0, j), h0);
    if constexpr (H > 1) HONE_ADD(sum(1, j), h1);
    if constexpr (H > 2) HONE_ADD(sum(2, j), h2);
  }
}

// sum(i, j) += held(i + n) * streamed(n, j) of all steps n < N <= 5, for i < H, H being 2 or 3, and j < S: what is read
// for a step stays for the next, one place further. held, streamed: addresses.
template <class Arch, Factors kFactors, Lacks kLacks, int N, int H, int S, class Held, class Streamed, class Sum>
HONE_INLINE void add_correlation(const Held& held, const Streamed& streamed, const Sum& sum) noexcept {
  static_assert((H == 2 || H == 3) && N <= 5);
  HONE_PLACES;
  constexpr bool kValues = kFactors == Factors::held_values;
#define HONE_HOLD(at)                   \
  do {                                  \
    if constexpr ((at) % H == 0)        \
      HONE_READ(h0, kValues, held(at)); \
    else if constexpr ((at) % H == 1)   \
      HONE_READ(h1, kValues, held(at)); \
    else                                \
      HONE_READ(h2, kValues, held(at)); \
  } while (false)
#define HONE_ADD_HELD(i, n)                                                  \
  if constexpr ((i) < H && !(lacks_first(kLacks) && (i) == 0 && (n) == 0) && \
                !(lacks_last(kLacks) && (i) == H - 1 && (n) == N - 1)) {     \
    if constexpr (((i) + (n)) % H == 0)                                      \
      HONE_ADD(sum(i, j), h0);                                               \
    else if constexpr (((i) + (n)) % H == 1)                                 \
      HONE_ADD(sum(i, j), h1);                                               \
    else                                                                     \
      HONE_ADD(sum(i, j), h2);                                               \
  }
#define HONE_STEP(n)                                                                        \
  if constexpr ((n) < N) {                                                                  \
    if constexpr ((n) > 0 && !(lacks_last(kLacks) && (n) == N - 1)) HONE_HOLD((n) + H - 1); \
    _Pragma("GCC unroll 16") for (int j = 0; j < S; ++j) {                                  \
      HONE_READ(s, kFactors == Factors::streamed_values, streamed(n, j));                   \
      HONE_ADD_HELD(0, n)                                                                   \
      HONE_ADD_HELD(1, n)                                                                   \
      HONE_ADD_HELD(2, n)                                                                   \
    }                                                                                       \
  }
  if constexpr (!lacks_first(kLacks)) HONE_HOLD(0);
  if constexpr (H > 2 || !(lacks_last(kLacks) && N == 1)) HONE_HOLD(1);
  if constexpr (H > 2 && !(lacks_last(kLacks) && N == 1)) HONE_HOLD(2);
  HONE_STEP(0)
  HONE_STEP(1)
  HONE_STEP(2)
  HONE_STEP(3)
  HONE_STEP(4)
#undef HONE_STEP
#undef HONE_ADD_HELD
#undef HONE_HOLD
}

#undef HONE_ADD
#undef HONE_READ
#undef HONE_LOAD
#undef HONE_BROADCAST
#undef HONE_PLACES

#elif HONE_HAS_CORRELATION

// Each where it is written.
template <class Register>
HONE_INLINE void load_in_order(Register& to, const float* from) noexcept {
  asm volatile("vmovups %1, %0" : "=v"(to) : "m"(*reinterpret_cast<const float(*)[sizeof to / sizeof *from]>(from)));
}
template <class Register>
HONE_INLINE void broadcast_in_order(Register& to, const float* from) noexcept {
  asm volatile("vbroadcastss %1, %0" : "=v"(to) : "m"(*from));
}
template <class Register>
HONE_INLINE void add_in_order(Register& sum, const Register& a, const Register& b) noexcept {
  asm volatile("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

// The same with more registers, of values streamed.
template <class Arch, Factors kFactors, Lacks kLacks, int N, int H, int S, class Held, class Streamed, class Sum>
HONE_INLINE void add_correlation(const Held& held, const Streamed& streamed, const Sum& sum) noexcept {
  static_assert(kFactors == Factors::streamed_values && correlates<Arch>(H, S));
  typename Vec<Arch>::register_type h[H], s;
  unroll_early<H>([&](int i) HONE_INLINE_LAMBDA {
    if (!(lacks_first(kLacks) && i == 0)) load_in_order(h[i], held(i));
  });
  unroll_early<N>([&](int n) HONE_INLINE_LAMBDA {
    const bool first = n == 0, last = n == N - 1;
    if (!first && !(lacks_last(kLacks) && last)) load_in_order(h[(n + H - 1) % H], held(n + H - 1));
    unroll_early<S>([&](int j) HONE_INLINE_LAMBDA {
      broadcast_in_order(s, streamed(n, j));
      unroll_early<H>([&](int i) HONE_INLINE_LAMBDA {
        if (!(lacks_first(kLacks) && first && i == 0) && !(lacks_last(kLacks) && last && i == H - 1))
          add_in_order(sum(i, j), s, h[(i + n) % H]);
      });
    });
  });
}

#endif

}  // namespace hone::simd
