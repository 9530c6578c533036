// Convolution as its definition: the specification of the fast kernels, in any scalar type.
#pragma once

#include "engine/kernels/ref/index.hpp"
#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct Conv {
  static void prepare(ConvPlan& plan) {
    plan.packed = plan.packed_backward = 0;
    plan.weight_tile = 1;
  }
  static void pack(const ConvPlan&, const T*, T*, T*) noexcept {}

  // Calls body(src index, dst index, weight index) for every tap inside the image of every output; indices of lane 0.
  template <class Body>
  static void for_each_tap(const ConvShape& p, std::int64_t k_begin, std::int64_t k_end, std::int64_t block,
                           const Body& body) {
    const std::int64_t channels = p.group_c();
    for (std::int64_t k = k_begin; k < k_end; ++k) {
      const std::int64_t first_c = k / p.group_k() * channels;
      for (std::int64_t oh = 0; oh < p.out_h; ++oh)
        for (std::int64_t ow = 0; ow < p.out_w; ++ow)
          for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t r = 0; r < p.r; ++r)
              for (std::int64_t s = 0; s < p.s; ++s) {
                const std::int64_t ih = oh * p.stride_h - p.pad_h + r * p.dilation_h;
                const std::int64_t iw = ow * p.stride_w - p.pad_w + s * p.dilation_w;
                if (ih < 0 || ih >= p.h || iw < 0 || iw >= p.w) continue;
                const std::int64_t src = index<L>(block, first_c + c, ih, iw, p.c, p.h, p.w);
                const std::int64_t dst = index<L>(block, k, oh, ow, p.k, p.out_h, p.out_w);
                body(src, dst, ((k * channels + c) * p.r + r) * p.s + s);
              }
    }
  }

  static void forward(const ConvPlan& plan, const T* src, const T* weights, const T*, const T* bias, bool relu, T* dst,
                      std::int64_t blocks, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t plane = p.out_h * p.out_w * L;
    for (std::int64_t b = 0; b < blocks; ++b) {
      T* out = dst + b * p.dst_size() * L;
      for (std::int64_t i = 0; i < p.k * plane; ++i) out[i] = bias ? bias[i / plane] : T(0);
      for_each_tap(p, 0, p.k, b, [&](std::int64_t s, std::int64_t d, std::int64_t w) {
        for (std::int64_t l = 0; l < L; ++l) dst[d + l] += weights[w] * src[s + l];
      });
      if (relu)
        for (std::int64_t i = 0; i < p.k * plane; ++i) out[i] = out[i] < 0 ? T(0) : out[i];
    }
  }

  static void backward_data(const ConvPlan& plan, const T* diff_dst, const T* weights, const T*, T* diff_src,
                            std::int64_t blocks, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    for (std::int64_t i = 0; i < blocks * p.src_size() * L; ++i) diff_src[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, 0, p.k, b, [&](std::int64_t s, std::int64_t d, std::int64_t w) {
        for (std::int64_t l = 0; l < L; ++l) diff_src[s + l] += weights[w] * diff_dst[d + l];
      });
  }

  static void backward_weights(const ConvPlan& plan, const T* src, const T* diff_dst, T* diff_weights, T* diff_bias,
                               std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, T*, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t filter = p.group_c() * p.r * p.s;
    for (std::int64_t i = k_begin * filter; i < k_end * filter; ++i) diff_weights[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, k_begin, k_end, b, [&](std::int64_t s, std::int64_t d, std::int64_t w) {
        for (std::int64_t l = 0; l < L; ++l) diff_weights[w] += src[s + l] * diff_dst[d + l];
      });
    if (diff_bias == nullptr) return;
    const std::int64_t plane = p.out_h * p.out_w * L;
    for (std::int64_t k = k_begin; k < k_end; ++k) {
      diff_bias[k] = 0;
      for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t i = 0; i < plane; ++i) diff_bias[k] += diff_dst[(b * p.k + k) * plane + i];
    }
  }
};

}  // namespace hone::ref
