// Batch normalisation's passes over plain NCHW planes.
#pragma once

#include "engine/kernels/simd/single_pool-inl.hpp"
#include "engine/kernels/simd/single_vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SingleBatchNorm {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  using F = Floats<Arch, L>;
  using V = typename F::V;

  static void moments(std::int64_t channels, std::int64_t pixels, const float* src, float* out, std::int64_t,
                      std::int64_t valid) noexcept {
    const float count = static_cast<float>(pixels * valid);
    for (std::int64_t c = 0; c < channels; ++c) {
      float sum = 0.0f, m2 = 0.0f;
      for (std::int64_t b = 0; b < valid; ++b) sum += SinglePool<Arch>::sum(src + (b * channels + c) * pixels, pixels);
      const float mean = sum / count;
      for (std::int64_t b = 0; b < valid; ++b) m2 += distances(src + (b * channels + c) * pixels, pixels, mean);
      out[2 * c] = mean;
      out[2 * c + 1] = m2;
    }
  }

  // Sum of the squared distances from the mean.
  static float distances(const float* plane, std::int64_t pixels, float mean) noexcept {
    const V center = F::broadcast(mean);
    V sums{};
    std::int64_t i = 0;
    for (; i + L <= pixels; i += L) {
      const V distance = F::load(plane + i) - center;
      sums = F::fma(distance, distance, sums);
    }
    float total = F::sum(sums);
    for (; i < pixels; ++i) total += (plane[i] - mean) * (plane[i] - mean);
    return total;
  }

  static void apply(std::int64_t channels, std::int64_t pixels, const float* src, Scaling<float> scaling,
                    bool with_relu, float* dst, std::int64_t blocks) noexcept {
    for (std::int64_t plane = 0; plane < blocks * channels; ++plane, src += pixels, dst += pixels) {
      const float of_src = scaling.scale[plane % channels], constant = scaling.shift[plane % channels];
      const V a = F::broadcast(of_src), b = F::broadcast(constant);
      std::int64_t i = 0;
      for (; i + L <= pixels; i += L) {
        const V y = F::fma(F::load(src + i), a, b);
        F::store(dst + i, with_relu ? F::relu(y) : y);
      }
      for (; i < pixels; ++i) {
        const float y = src[i] * of_src + constant;
        dst[i] = with_relu && y < 0.0f ? 0.0f : y;
      }
    }
  }

  // Where max(0, .) follows: gradients of a channel's outputs that are not above zero are zero; else all stay.
  struct Cut {
    float scale, shift;

    Cut(Scaling<float> cut, std::int64_t c) noexcept
        : scale(cut ? cut.scale[c] : 0.0f), shift(cut ? cut.shift[c] : 1.0f) {}
    HONE_INLINE V vector(const V& x, const V& diff) const noexcept {
      return F::fma(x, F::broadcast(scale), F::broadcast(shift)) > V{} ? diff : V{};
    }
    HONE_INLINE float value(float x, float diff) const noexcept { return x * scale + shift > 0.0f ? diff : 0.0f; }
  };

  static void backward_sums(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                            Scaling<float> scaling, const float* mean, float* sums, std::int64_t blocks) noexcept {
    for (std::int64_t c = 0; c < channels; ++c) {
      const V center = F::broadcast(mean[c]);
      const Cut cut(scaling, c);
      float sum = 0.0f, product = 0.0f;
      for (std::int64_t b = 0; b < blocks; ++b) {
        const float *x = src + (b * channels + c) * pixels, *diff = diff_dst + (b * channels + c) * pixels;
        V plane_sum{}, plane_product{};
        std::int64_t i = 0;
        for (; i + L <= pixels; i += L) {
          const V source = F::load(x + i), d = cut.vector(source, F::load(diff + i));
          plane_sum += d;
          plane_product = F::fma(d, source - center, plane_product);
        }
        sum += F::sum(plane_sum);
        product += F::sum(plane_product);
        for (; i < pixels; ++i) {
          const float d = cut.value(x[i], diff[i]);
          sum += d;
          product += d * (x[i] - mean[c]);
        }
      }
      sums[2 * c] = sum;
      sums[2 * c + 1] = product;
    }
  }

  static void backward_apply(std::int64_t channels, std::int64_t pixels, const float* src, const float* diff_dst,
                             Scaling<float> scaling, const float* a, const float* b, const float* d, float* diff_src,
                             std::int64_t blocks, std::int64_t valid) noexcept {
    for (std::int64_t plane = 0; plane < blocks * channels; ++plane) {
      const std::int64_t c = plane % channels;
      const float real = plane / channels < valid ? 1.0f : 0.0f;
      const float of_diff = a[c] * real, of_src = b[c] * real, constant = d[c] * real;
      const V vector_of_diff = F::broadcast(of_diff), vector_of_src = F::broadcast(of_src);
      const V constants = F::broadcast(constant);
      const Cut cut(scaling, c);
      std::int64_t i = 0;
      for (; i + L <= pixels; i += L) {
        const V x = F::load(src + i), diff = cut.vector(x, F::load(diff_dst + i));
        F::store(diff_src + i, F::fma(diff, vector_of_diff, F::fma(x, vector_of_src, constants)));
      }
      for (; i < pixels; ++i) diff_src[i] = cut.value(src[i], diff_dst[i]) * of_diff + (src[i] * of_src + constant);
      src += pixels;
      diff_dst += pixels;
      diff_src += pixels;
    }
  }
};

}  // namespace hone::simd
