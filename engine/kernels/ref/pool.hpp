// Pooling as its definition. Padding never wins a maximum and counts as zeros in a mean.
#pragma once

#include <cmath>
#include <limits>

#include "engine/kernels/ref/index.hpp"
#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct Pool {
  // Calls body(src index, dst index, tap) for every tap inside the image; indices of lane 0.
  template <class Body>
  static void for_each_tap(const PoolShape& p, std::int64_t b, const Body& body) {
    for (std::int64_t c = 0; c < p.c; ++c)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh)
        for (std::int64_t ow = 0; ow < p.out_w; ++ow)
          for (std::int64_t r = 0; r < p.size_h; ++r)
            for (std::int64_t s = 0; s < p.size_w; ++s) {
              const std::int64_t ih = oh * p.stride_h - p.pad_h + r, iw = ow * p.stride_w - p.pad_w + s;
              if (ih < 0 || ih >= p.h || iw < 0 || iw >= p.w) continue;
              body(index<L>(b, c, ih, iw, p.c, p.h, p.w), index<L>(b, c, oh, ow, p.c, p.out_h, p.out_w),
                   r * p.size_w + s);
            }
  }

  static void max_forward(const PoolShape& p, const T* src, T* dst, T* argmax, std::int64_t blocks) noexcept {
    for (std::int64_t i = 0; i < blocks * p.dst_size() * L; ++i) {
      dst[i] = -std::numeric_limits<T>::infinity();
      if (argmax) argmax[i] = 0;
    }
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, b, [&](std::int64_t s, std::int64_t d, std::int64_t tap) {
        for (std::int64_t l = 0; l < L; ++l) {
          if (src[s + l] <= dst[d + l] || std::isnan(dst[d + l])) continue;  // a NaN wins and stays
          dst[d + l] = src[s + l];
          if (argmax) argmax[d + l] = static_cast<T>(tap);
        }
      });
  }

  static void max_backward(const PoolShape& p, const T* diff_dst, const T* argmax, T* diff_src,
                           std::int64_t blocks) noexcept {
    for (std::int64_t i = 0; i < blocks * p.src_size() * L; ++i) diff_src[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, b, [&](std::int64_t s, std::int64_t d, std::int64_t tap) {
        for (std::int64_t l = 0; l < L; ++l)
          if (argmax[d + l] == static_cast<T>(tap)) diff_src[s + l] += diff_dst[d + l];
      });
  }

  static void avg_forward(const PoolShape& p, const T* src, T* dst, std::int64_t blocks) noexcept {
    const T share = T(1) / static_cast<T>(p.size_h * p.size_w);
    for (std::int64_t i = 0; i < blocks * p.dst_size() * L; ++i) dst[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, b, [&](std::int64_t s, std::int64_t d, std::int64_t) {
        for (std::int64_t l = 0; l < L; ++l) dst[d + l] += src[s + l] * share;
      });
  }

  static void avg_backward(const PoolShape& p, const T* diff_dst, T* diff_src, std::int64_t blocks) noexcept {
    const T share = T(1) / static_cast<T>(p.size_h * p.size_w);
    for (std::int64_t i = 0; i < blocks * p.src_size() * L; ++i) diff_src[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for_each_tap(p, b, [&](std::int64_t s, std::int64_t d, std::int64_t) {
        for (std::int64_t l = 0; l < L; ++l) diff_src[s + l] += diff_dst[d + l] * share;
      });
  }
};

}  // namespace hone::ref
