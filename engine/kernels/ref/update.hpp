// Flat passes over parameters: sums of partial gradients, norms, optimizer updates.
#pragma once

#include <cmath>

#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T>
struct Update {
  static void sum_partials(const T* partials, std::int64_t stride, std::int64_t partial_count, T* dst,
                           std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i) {
      T sum = partials[i];
      for (std::int64_t p = 1; p < partial_count; ++p) sum += partials[p * stride + i];
      dst[i] = sum;
    }
  }

  static double sum_of_squares(const T* src, std::int64_t count) noexcept {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(src[i]) * static_cast<double>(src[i]);
    return sum;
  }

  // PyTorch's SGD: the first velocity is the gradient itself, as zeros times momentum plus it.
  static void sgd(const SgdArgs<T>& args, T* weights, const T* gradient, T gradient_scale, T* velocity,
                  std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i) {
      T step = gradient[i] * gradient_scale + args.weight_decay * weights[i];
      if (velocity) {
        velocity[i] = args.momentum * velocity[i] + step;
        step = args.nesterov ? step + args.momentum * velocity[i] : velocity[i];
      }
      weights[i] -= args.learning_rate * step;
    }
  }

  // Adam (Kingma & Ba 2015, arXiv:1412.6980); with decoupled_decay AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
  static void adam(const AdamArgs<T>& args, T* weights, const T* gradient, T gradient_scale, T* first, T* second,
                   std::int64_t count) noexcept {
    for (std::int64_t i = 0; i < count; ++i) {
      const T g = gradient[i] * gradient_scale + args.coupled_decay * weights[i];
      first[i] = args.beta1 * first[i] + (1 - args.beta1) * g;
      second[i] = args.beta2 * second[i] + (1 - args.beta2) * g * g;
      const T denominator = std::sqrt(second[i] * args.correction2) + args.eps;
      weights[i] -=
          args.decoupled_decay * weights[i] + args.learning_rate * (first[i] * args.correction1) / denominator;
    }
  }
};

}  // namespace hone::ref
