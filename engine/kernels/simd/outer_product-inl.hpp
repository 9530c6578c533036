// One tap of a convolution's tile where its sums, the factors it holds and one more fill sixteen registers. Left to
// itself g++ 12 loads the next factors before it is done with these, and then moves sums to the stack, where they wait
// longer than for a multiply-add: here everything has its place and its order.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"

// Sanitizers do not see what assembly reads, and may call functions that change registers.
#if defined(__FMA__) && !defined(__AVX512F__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HONE_HAS_OUTER_PRODUCT 1
#else
#define HONE_HAS_OUTER_PRODUCT 0
#endif

namespace hone::simd {

template <class Arch>
inline constexpr bool kHasOuterProduct = HONE_HAS_OUTER_PRODUCT;

#if HONE_HAS_OUTER_PRODUCT

// sum(i, j) += held(i) * streamed(j), i < H <= 3, j < S where wanted(j). What held and streamed point to is a vector,
// or for one of both (kBroadcastsHeld) a value for all lanes.
template <class Arch, bool kBroadcastsHeld, int H, int S, class Held, class Streamed, class Sum, class Wanted>
HONE_INLINE void add_outer_product(const Held& held, const Streamed& streamed, const Sum& sum,
                                   const Wanted& wanted) noexcept {
  static_assert(H <= 3);
  register __m256 h0 asm("ymm12"), h1 asm("ymm13"), h2 asm("ymm14"), s asm("ymm15");
#define HONE_BROADCAST(to, from) asm volatile("vbroadcastss %1, %0" : "=x"(to) : "m"(*(from)))
#define HONE_LOAD(to, from) asm volatile("vmovups %1, %0" : "=x"(to) : "m"(*reinterpret_cast<const float(*)[8]>(from)))
#define HONE_HOLD(to, i)                  \
  if constexpr (kBroadcastsHeld && i < H) \
    HONE_BROADCAST(to, held(i));          \
  else if constexpr (i < H)               \
  HONE_LOAD(to, held(i))
#define HONE_ADD(i, h) \
  if constexpr (i < H) asm volatile("vfmadd231ps %2, %1, %0" : "+x"(sum(i, j)) : "x"(s), "x"(h))
  HONE_HOLD(h0, 0);
  HONE_HOLD(h1, 1);
  HONE_HOLD(h2, 2);
#pragma GCC unroll 16
  for (int j = 0; j < S; ++j) {
    if (!wanted(j)) continue;
    if constexpr (kBroadcastsHeld)
      HONE_LOAD(s, streamed(j));
    else
      HONE_BROADCAST(s, streamed(j));
    HONE_ADD(0, h0);
    HONE_ADD(1, h1);
    HONE_ADD(2, h2);
  }
#undef HONE_ADD
#undef HONE_HOLD
#undef HONE_LOAD
#undef HONE_BROADCAST
}

#endif

}  // namespace hone::simd
