// Vectors of any width that the ISA has, for kernels that work on one image: there a narrower vector can waste less.
#pragma once

#include <cstring>

#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

// W floats anywhere in memory. (g++ 12 loses the attributes of a vector whose size depends on a template parameter.)
template <int W>
struct Native;
template <>
struct Native<4> {
  typedef float Type __attribute__((vector_size(16), aligned(4), may_alias));
};
template <>
struct Native<8> {
  typedef float Type __attribute__((vector_size(32), aligned(4), may_alias));
};
template <>
struct Native<16> {
  typedef float Type __attribute__((vector_size(64), aligned(4), may_alias));
};

// W floats. Everything is a member of a template on Arch, see vector-inl.hpp.
template <class Arch, int W>
struct Floats {
  using V = typename Native<W>::Type;

  HONE_INLINE static V load(const float* from) noexcept { return *reinterpret_cast<const V*>(from); }
  HONE_INLINE static void store(float* to, const V& x) noexcept { *reinterpret_cast<V*>(to) = x; }

  // The first `count` values, zeros after them.
  HONE_INLINE static V load_part(const float* from, std::int64_t count) noexcept {
    if (count >= W) return load(from);
    V x{};
    if (count > 0) std::memcpy(&x, from, static_cast<std::size_t>(count) * sizeof(float));
    return x;
  }

  // The first kCount <= W values only.
  template <int kCount>
  HONE_INLINE static void store_first(float* to, const V& x) noexcept {
#if defined(__AVX512VL__)
    constexpr unsigned kMask = (1u << kCount) - 1;
    if constexpr (W == 16) _mm512_mask_storeu_ps(to, static_cast<__mmask16>(kMask), x);
    if constexpr (W == 8) _mm256_mask_storeu_ps(to, static_cast<__mmask8>(kMask), x);
    if constexpr (W == 4) _mm_mask_storeu_ps(to, static_cast<__mmask8>(kMask), x);
#else
    if constexpr (kCount == W)
      store(to, x);
    else
      unroll_constants<kCount>([&](auto i) HONE_INLINE_LAMBDA {
        constexpr int kAt = i;
        to[kAt] = x[kAt];
      });
#endif
  }

  // out[j][i] = src[i * src_row + j], j < 4, i < kRows <= W; what is behind these is not specified. Loads alone bring
  // the values of every fourth row into one vector, so that eight shuffles are left.
  template <int kRows>
  HONE_INLINE static void load_columns(const float* src, std::int64_t src_row, V (&out)[4]) noexcept {
    V x[4];
    unroll_constants<4>([&](auto i) HONE_INLINE_LAMBDA {
      constexpr int kGroups = (kRows - i + 3) / 4;
      x[i] = load_fours<(kGroups > 0 ? kGroups : 1)>(src + (kGroups > 0 ? i : 0) * src_row, 4 * src_row);
    });
    const V low01 = interleave<false>(x[0], x[1]), low23 = interleave<false>(x[2], x[3]);
    const V high01 = interleave<true>(x[0], x[1]), high23 = interleave<true>(x[2], x[3]);
    out[0] = join<false>(low01, low23);
    out[1] = join<true>(low01, low23);
    out[2] = join<false>(high01, high23);
    out[3] = join<true>(high01, high23);
  }

  HONE_INLINE static V broadcast(float x) noexcept { return broadcast(x, std::make_integer_sequence<int, W>{}); }

  // One that stays in a register.
  HONE_INLINE static V broadcast_pinned(const float* from) noexcept { return pinned<Arch>(broadcast(*from)); }

  HONE_INLINE static V fma(const V& a, const V& b, const V& c) noexcept {
#if defined(__FMA__)
    if constexpr (W == 4) return _mm_fmadd_ps(a, b, c);
    if constexpr (W == 8) return _mm256_fmadd_ps(a, b, c);
#if defined(__AVX512F__)
    if constexpr (W == 16) return _mm512_fmadd_ps(a, b, c);
#endif
#elif defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
  }

  // max(0, x) that lets a NaN through.
  HONE_INLINE static V relu(const V& x) noexcept { return x < V{} ? V{} : x; }
  // The larger, NaN where one of them is.
  HONE_INLINE static V larger(const V& a, const V& b) noexcept { return ((a >= b) | (a != a)) ? a : b; }

  // Sum of the values: halves, then halves of these.
  HONE_INLINE static float sum(const V& x) noexcept {
    if constexpr (W == 4) {
      return (x[0] + x[2]) + (x[1] + x[3]);
    } else {
      using Half = Floats<Arch, W / 2>;
      typename Half::V low, high;
      std::memcpy(&low, &x, sizeof low);
      std::memcpy(&high, reinterpret_cast<const float*>(&x) + W / 2, sizeof high);
      return Half::sum(low + high);
    }
  }

  // In each group of four values: a0 b0 a1 b1 (kHigh: a2 b2 a3 b3), and a0 a1 b0 b1 (a2 a3 b2 b3).
  template <bool kHigh>
  HONE_INLINE static V interleave(const V& a, const V& b) noexcept {
    return interleave<kHigh>(a, b, std::make_integer_sequence<int, W>{});
  }
  template <bool kHigh>
  HONE_INLINE static V join(const V& a, const V& b) noexcept {
    return join<kHigh>(a, b, std::make_integer_sequence<int, W>{});
  }
  // Values 0, 2, 4 ... (kOdd: 1, 3, 5 ...) of a, then b.
  template <bool kOdd>
  HONE_INLINE static V every_second(const V& a, const V& b) noexcept {
    return every_second<kOdd>(a, b, std::make_integer_sequence<int, W>{});
  }
  // Values 0, 2, 4 ... of a, then 1, 3, 5 ... of b.
  HONE_INLINE static V even(const V& a, const V& b) noexcept {
    return even(a, b, std::make_integer_sequence<int, W>{});
  }
  // a0 b0 a1 b1 ... from the low (kHigh: high) halves.
  template <bool kHigh>
  HONE_INLINE static V zip(const V& a, const V& b) noexcept {
    return zip<kHigh>(a, b, std::make_integer_sequence<int, W>{});
  }

 private:
  // In each group q of four values, q < kGroups, those at from + q * step.
  template <int kGroups>
  HONE_INLINE static V load_fours(const float* from, [[maybe_unused]] std::int64_t step) noexcept {
    using Four = Floats<Arch, 4>;
    if constexpr (W == 4) {
      return Four::load(from);
    } else {
#if defined(__AVX__)  // insertions need no shuffle; g++ would use some
      const auto group = [&](int q) HONE_INLINE_LAMBDA { return _mm_loadu_ps(from + q * step); };
      __m256 low = _mm256_castps128_ps256(group(0));
      if constexpr (kGroups > 1) low = _mm256_insertf128_ps(low, group(1), 1);
      if constexpr (W == 8) return low;
#if defined(__AVX512F__)
      __m512 all = _mm512_castps256_ps512(low);
      if constexpr (kGroups > 2) all = _mm512_insertf32x4(all, group(2), 2);
      if constexpr (kGroups > 3) all = _mm512_insertf32x4(all, group(3), 3);
      if constexpr (W == 16) return all;
#endif
#endif
    }
  }

  template <int... I>
  HONE_INLINE static V broadcast(float x, std::integer_sequence<int, I...>) noexcept {
    return V{(static_cast<void>(I), x)...};
  }
  template <bool kHigh, int... I>
  HONE_INLINE static V interleave(const V& a, const V& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (I / 4 * 4 + (kHigh ? 2 : 0) + I % 4 / 2 + I % 2 * W)...);
  }
  template <bool kHigh, int... I>
  HONE_INLINE static V join(const V& a, const V& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (I / 4 * 4 + (kHigh ? 2 : 0) + I % 2 + I % 4 / 2 * W)...);
  }
  template <bool kOdd, int... I>
  HONE_INLINE static V every_second(const V& a, const V& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (2 * I + (kOdd ? 1 : 0))...);
  }
  template <int... I>
  HONE_INLINE static V even(const V& a, const V& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (2 * I + (I < W / 2 ? 0 : 1))...);
  }
  template <bool kHigh, int... I>
  HONE_INLINE static V zip(const V& a, const V& b, std::integer_sequence<int, I...>) noexcept {
    return __builtin_shufflevector(a, b, (I / 2 + I % 2 * W + (kHigh ? W / 2 : 0))...);
  }
};

}  // namespace hone::simd
