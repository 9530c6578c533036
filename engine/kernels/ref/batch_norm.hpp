// Batch normalisation's passes (Ioffe & Szegedy 2015, arXiv:1502.03167).
#pragma once

#include <algorithm>

#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct BatchNorm {
  // Calls body(value's index) for each valid lane of channel c.
  template <class Body>
  static void for_each_valid(std::int64_t channels, std::int64_t pixels, std::int64_t c, std::int64_t blocks,
                             std::int64_t valid, const Body& body) {
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t i = 0; i < pixels; ++i)
        for (std::int64_t l = 0; l < std::min(L, valid - b * L); ++l) body(((b * channels + c) * pixels + i) * L + l);
  }

  static void moments(std::int64_t channels, std::int64_t pixels, const T* src, T* out, std::int64_t blocks,
                      std::int64_t valid) noexcept {
    for (std::int64_t c = 0; c < channels; ++c) {
      T sum = 0, m2 = 0;
      for_each_valid(channels, pixels, c, blocks, valid, [&](std::int64_t i) { sum += src[i]; });
      const T mean = sum / static_cast<T>(pixels * valid);
      for_each_valid(channels, pixels, c, blocks, valid,
                     [&](std::int64_t i) { m2 += (src[i] - mean) * (src[i] - mean); });
      out[2 * c] = mean;
      out[2 * c + 1] = m2;
    }
  }

  static void apply(std::int64_t channels, std::int64_t pixels, const T* src, Scaling<T> scaling, bool relu, T* dst,
                    std::int64_t blocks) noexcept {
    for (std::int64_t i = 0; i < blocks * channels * pixels * L; ++i) {
      const std::int64_t c = i / (pixels * L) % channels;
      const T y = src[i] * scaling.scale[c] + scaling.shift[c];
      dst[i] = relu && y < T(0) ? T(0) : y;
    }
  }

  static T cut_off(Scaling<T> cut, std::int64_t c, T src, T diff) noexcept {
    return !cut || src * cut.scale[c] + cut.shift[c] > T(0) ? diff : T(0);
  }

  static void backward_sums(std::int64_t channels, std::int64_t pixels, const T* src, const T* diff_dst, Scaling<T> cut,
                            const T* mean, T* sums, std::int64_t blocks) noexcept {
    for (std::int64_t c = 0; c < channels; ++c) {
      T sum = 0, product = 0;
      for_each_valid(channels, pixels, c, blocks, blocks * L, [&](std::int64_t i) {
        const T diff = cut_off(cut, c, src[i], diff_dst[i]);
        sum += diff;
        product += diff * (src[i] - mean[c]);
      });
      sums[2 * c] = sum;
      sums[2 * c + 1] = product;
    }
  }

  static void backward_apply(std::int64_t channels, std::int64_t pixels, const T* src, const T* diff_dst,
                             Scaling<T> cut, const T* a, const T* b, const T* d, T* diff_src, std::int64_t blocks,
                             std::int64_t valid) noexcept {
    for (std::int64_t i = 0; i < blocks * channels * pixels * L; ++i) {
      const std::int64_t c = i / (pixels * L) % channels;
      const std::int64_t image = i / (channels * pixels * L) * L + i % L;
      diff_src[i] = image < valid ? a[c] * cut_off(cut, c, src[i], diff_dst[i]) + b[c] * src[i] + d[c] : T(0);
    }
  }
};

}  // namespace hone::ref
