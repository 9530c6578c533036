// Transposition of a square of L x L floats in registers.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct Transpose {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  typedef float Native __attribute__((vector_size(L * sizeof(float)), aligned(sizeof(float)), may_alias));

  // Values of the low (kHigh: high) halves of a and b, taking turns.
  template <bool kHigh, int... I>
  HONE_INLINE static Native interleave(const Native& a, const Native& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (I / 2 + I % 2 * L + (kHigh ? L / 2 : 0))...);
  }

  // Perfect shuffles: after log2(L) of them, rows are columns.
  template <int kStages>
  HONE_INLINE static void shuffle(Native (&rows)[L]) noexcept {
    if constexpr (kStages > 0) {
      constexpr auto sequence = std::make_integer_sequence<int, L>{};
      Native next[L];
      unroll<L / 2>([&](int i) HONE_INLINE_LAMBDA {
        next[2 * i] = interleave<false>(rows[i], rows[i + L / 2], sequence);
        next[2 * i + 1] = interleave<true>(rows[i], rows[i + L / 2], sequence);
      });
      unroll<L>([&](int i) HONE_INLINE_LAMBDA { rows[i] = next[i]; });
      shuffle<kStages / 2>(rows);
    }
  }

  // dst[j * dst_row + i] = src[i * src_row + j], i, j < L; of src only `rows` rows exist, the others count as zeros.
  HONE_INLINE static void square(const float* src, std::int64_t src_row, std::int64_t rows, float* dst,
                                 std::int64_t dst_row) noexcept {
    Native x[L];
    if (rows >= L)
      unroll<L>([&](int i) HONE_INLINE_LAMBDA { x[i] = *reinterpret_cast<const Native*>(src + i * src_row); });
    else
      unroll<L>([&](int i) HONE_INLINE_LAMBDA {
        x[i] = i < rows ? *reinterpret_cast<const Native*>(src + i * src_row) : Native{};
      });
    shuffle<L / 2>(x);
    unroll<L>([&](int i) HONE_INLINE_LAMBDA { *reinterpret_cast<Native*>(dst + i * dst_row) = x[i]; });
  }

  // The same from all rows of src into the first `columns` rows of dst.
  HONE_INLINE static void square_into(const float* src, std::int64_t src_row, float* dst, std::int64_t dst_row,
                                      std::int64_t columns) noexcept {
    Native x[L];
    unroll<L>([&](int i) HONE_INLINE_LAMBDA { x[i] = *reinterpret_cast<const Native*>(src + i * src_row); });
    shuffle<L / 2>(x);
    unroll<L>([&](int i) HONE_INLINE_LAMBDA {
      if (i < columns) *reinterpret_cast<Native*>(dst + i * dst_row) = x[i];
    });
  }
};

}  // namespace hone::simd
