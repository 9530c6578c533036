// Softmax cross-entropy over the logits of one block, and loading of images.
#pragma once

#include <cmath>

#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct Loss {
  // With label smoothing e the target of the right class is 1 - e + e / K, of the others e / K (Szegedy et al. 2016,
  // arXiv:1512.00567). A class is right where its logit is the largest; the first one on a tie.
  static void softmax_cross_entropy(const LossArgs<T>& args, const T* logits, const std::int32_t* labels,
                                    std::int64_t valid, T* loss, T* correct, T* diff_logits) noexcept {
    const T uniform = args.smoothing / static_cast<T>(args.classes);
    for (std::int64_t l = 0; l < L; ++l) {
      std::int64_t best = 0;
      T sum_below = 0, sum_exp = 0;  // of the logits' distances from the largest: nothing cancels
      for (std::int64_t k = 0; k < args.classes; ++k)
        if (logits[k * L + l] > logits[best * L + l]) best = k;
      const T largest = logits[best * L + l];
      for (std::int64_t k = 0; k < args.classes; ++k) {
        sum_below += logits[k * L + l] - largest;
        sum_exp += std::exp(logits[k * L + l] - largest);
      }
      const std::int64_t label = l < valid ? labels[l] : 0;
      const T below = (1 - args.smoothing) * (logits[label * L + l] - largest) + uniform * sum_below;
      loss[l] = l < valid ? std::log(sum_exp) - below : T(0);
      correct[l] = l < valid && best == label ? T(1) : T(0);
      if (diff_logits == nullptr) continue;
      for (std::int64_t k = 0; k < args.classes; ++k) {
        const T target = uniform + (k == label ? 1 - args.smoothing : T(0));
        diff_logits[k * L + l] =
            l < valid ? args.weight * (std::exp(logits[k * L + l] - largest) / sum_exp - target) : T(0);
      }
    }
  }

  static void load_bytes(const LoadArgs<T>& args, const std::uint8_t* src, std::int64_t valid, T* dst) noexcept {
    const std::int64_t image = args.channels * args.pixels;
    for (std::int64_t i = 0; i < image; ++i) {
      const std::int64_t c = i / args.pixels;
      for (std::int64_t l = 0; l < L; ++l)
        dst[i * L + l] = l < valid ? (static_cast<T>(src[l * image + i]) - args.mean[c]) * args.scale[c] : T(0);
    }
  }
};

}  // namespace hone::ref
