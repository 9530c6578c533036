// Batch normalisation's passes, images innermost: a channel's plane is a run of vectors.
#pragma once

#include <limits>

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct BatchNorm {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  // 1 for lanes of block b that hold one of `valid` images, else 0.
  HONE_INLINE static V mask(std::int64_t b, std::int64_t valid) noexcept {
    alignas(64) float lanes[L];
    for (std::int64_t l = 0; l < L; ++l) lanes[l] = b * L + l < valid ? 1.0f : 0.0f;
    return load<Arch>(lanes);
  }

  // Sum of body(vector) over a plane, in two halves.
  template <class Body>
  HONE_INLINE static V sum_plane(const float* plane, std::int64_t pixels, const Body& body) noexcept {
    V even(0.0f), odd(0.0f);
    std::int64_t i = 0;
    for (; i + 2 <= pixels; i += 2) {
      even += body(load<Arch>(plane + i * L));
      odd += body(load<Arch>(plane + (i + 1) * L));
    }
    if (i < pixels) even += body(load<Arch>(plane + i * L));
    return even + odd;
  }

  static void moments(std::int64_t channels, std::int64_t pixels, const float* src, float* out, std::int64_t blocks,
                      std::int64_t valid) noexcept {
    const float count = static_cast<float>(pixels * valid);
    for (std::int64_t c = 0; c < channels; ++c) {
      V sum(0.0f), m2(0.0f);
      for (std::int64_t b = 0; b < blocks; ++b)
        sum += mask(b, valid) * sum_plane(src + (b * channels + c) * pixels * L, pixels, [](const V& x) { return x; });
      const float mean = xsimd::hadd(sum) / count;
      for (std::int64_t b = 0; b < blocks; ++b)
        m2 += mask(b, valid) * sum_plane(src + (b * channels + c) * pixels * L, pixels, [&](const V& x) {
                const V distance = x - V(mean);
                return distance * distance;
              });
      out[2 * c] = mean;
      out[2 * c + 1] = xsimd::hadd(m2);
    }
  }

  static void apply(std::int64_t channels, std::int64_t pixels, const float* src, Scaling<float> scaling,
                    bool with_relu, float* dst, std::int64_t blocks) noexcept {
    const V floor(with_relu ? 0.0f : -std::numeric_limits<float>::infinity());
    for (std::int64_t plane = 0; plane < blocks * channels; ++plane) {
      const V a(scaling.scale[plane % channels]), b(scaling.shift[plane % channels]);
      for (std::int64_t i = 0; i < pixels; ++i, src += L, dst += L)
        store<Arch>(dst, xsimd::max(floor, fma<Arch>(load<Arch>(src), a, b)));  // lets a NaN through, as relu() does
    }
  }

  // The gradient where scale * src + shift > 0, or everywhere.
  template <bool kCut>
  HONE_INLINE static V cut_off(const V& scale, const V& shift, const V& src, const V& diff) noexcept {
    if constexpr (kCut)
      return xsimd::select(fma<Arch>(src, scale, shift) > V(0.0f), diff, V(0.0f));
    else
      return diff;
  }

  static void backward_sums(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                            Scaling<float> cut, const float* mean, float* sums, std::int64_t blocks) noexcept {
    (cut ? sums_of<true> : sums_of<false>)(channels, pixels, src, diff_dst, cut, mean, sums, blocks);
  }

  template <bool kCut>
  static void sums_of(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                      Scaling<float> cut, const float* mean, float* sums, std::int64_t blocks) noexcept {
    for (std::int64_t c = 0; c < channels; ++c) {
      V sum(0.0f), product(0.0f);
      const V center(mean[c]), scale(kCut ? cut.scale[c] : 0.0f), shift(kCut ? cut.shift[c] : 0.0f);
      for (std::int64_t b = 0; b < blocks; ++b) {
        const std::int64_t plane = (b * channels + c) * pixels * L;
        V plane_sum(0.0f), plane_product(0.0f);
        for (std::int64_t i = 0; i < pixels * L; i += L) {
          const V x = load<Arch>(src + plane + i);
          const V diff = cut_off<kCut>(scale, shift, x, load<Arch>(diff_dst + plane + i));
          plane_sum += diff;
          plane_product = fma<Arch>(diff, x - center, plane_product);
        }
        sum += plane_sum;
        product += plane_product;
      }
      sums[2 * c] = xsimd::hadd(sum);
      sums[2 * c + 1] = xsimd::hadd(product);
    }
  }

  static void backward_apply(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                             Scaling<float> cut, const float* a, const float* b, const float* d, float* diff_src,
                             std::int64_t blocks, std::int64_t valid) noexcept {
    (cut ? apply_backward<true> : apply_backward<false>)(channels, pixels, src, diff_dst, cut, a, b, d, diff_src,
                                                         blocks, valid);
  }

  template <bool kCut>
  static void apply_backward(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                             Scaling<float> cut, const float* a, const float* b, const float* d, float* diff_src,
                             std::int64_t blocks, std::int64_t valid) noexcept {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const V real = mask(block, valid);
      for (std::int64_t c = 0; c < channels; ++c) {
        const V of_diff = V(a[c]) * real, of_src = V(b[c]) * real, constant = V(d[c]) * real;
        const V scale(kCut ? cut.scale[c] : 0.0f), shift(kCut ? cut.shift[c] : 0.0f);
        for (std::int64_t i = 0; i < pixels; ++i, src += L, diff_dst += L, diff_src += L) {
          const V x = load<Arch>(src), diff = cut_off<kCut>(scale, shift, x, load<Arch>(diff_dst));
          store<Arch>(diff_src, fma<Arch>(diff, of_diff, fma<Arch>(x, of_src, constant)));
        }
      }
    }
  }
};

}  // namespace hone::simd
