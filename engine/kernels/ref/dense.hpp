// Fully connected layer as its definition.
#pragma once

#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct Dense {
  static void forward(const DenseShape& p, const T* src, const T* weights, const T* bias, bool relu, T* dst,
                      std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t o = begin; o < end; ++o)
        for (std::int64_t l = 0; l < L; ++l) {
          T sum = bias ? bias[o] : T(0);
          for (std::int64_t i = 0; i < p.in; ++i) sum += weights[o * p.in + i] * src[(b * p.in + i) * L + l];
          dst[(b * p.out + o) * L + l] = relu && sum < 0 ? T(0) : sum;
        }
  }

  static void backward_data(const DenseShape& p, const T* diff_dst, const T* weights, T* diff_src, std::int64_t blocks,
                            std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t i = begin; i < end; ++i)
        for (std::int64_t l = 0; l < L; ++l) {
          T sum = 0;
          for (std::int64_t o = 0; o < p.out; ++o) sum += weights[o * p.in + i] * diff_dst[(b * p.out + o) * L + l];
          diff_src[(b * p.in + i) * L + l] = sum;
        }
  }

  static void transpose(const DenseShape& p, const T* src, T* transposed, std::int64_t blocks) noexcept {
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t l = 0; l < L; ++l)
        for (std::int64_t i = 0; i < p.padded_in(); ++i)
          transposed[(b * L + l) * p.padded_in() + i] = i < p.in ? src[(b * p.in + i) * L + l] : T(0);
  }

  static void backward_weights(const DenseShape& p, const T* transposed, const T* diff_dst, T* diff_weights,
                               T* diff_bias, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t o = begin; o < end; ++o) {
      for (std::int64_t i = 0; i < p.in; ++i) diff_weights[o * p.in + i] = 0;
      if (diff_bias) diff_bias[o] = 0;
      for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t l = 0; l < L; ++l) {
          const T diff = diff_dst[(b * p.out + o) * L + l];
          if (diff_bias) diff_bias[o] += diff;
          for (std::int64_t i = 0; i < p.in; ++i)
            diff_weights[o * p.in + i] += diff * transposed[(b * L + l) * p.padded_in() + i];
        }
    }
  }
};

}  // namespace hone::ref
