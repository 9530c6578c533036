// Softmax cross-entropy, a lane an image, and loading of images.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Loss {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  static void softmax_cross_entropy(const LossArgs<float>& args, const float* logits, const std::int32_t* labels,
                                    std::int64_t valid, float* loss, float* correct, float* diff_logits) noexcept {
    alignas(64) float label[L], real[L], of_label[L];
    for (std::int64_t l = 0; l < L; ++l) {
      label[l] = static_cast<float>(l < valid ? labels[l] : 0);
      real[l] = l < valid ? 1.0f : 0.0f;
      of_label[l] = logits[(l < valid ? labels[l] : 0) * L + l];
    }
    const V mask = load<Arch>(real), wanted = load<Arch>(label);

    V largest = load<Arch>(logits), best(0.0f);
    for (std::int64_t k = 1; k < args.classes; ++k) {
      const V x = load<Arch>(logits + k * L);
      const auto larger = x > largest;
      largest = xsimd::select(larger, x, largest);
      best = xsimd::select(larger, V(static_cast<float>(k)), best);
    }
    V sum_exp(0.0f), sum_below(0.0f);  // of the distances from the largest: nothing cancels
    for (std::int64_t k = 0; k < args.classes; ++k) {
      const V below = load<Arch>(logits + k * L) - largest;
      sum_below += below;
      sum_exp += xsimd::exp(below);
    }

    const float uniform = args.smoothing / static_cast<float>(args.classes), rest = 1.0f - args.smoothing;
    const V total = xsimd::log(sum_exp) - (V(rest) * (load<Arch>(of_label) - largest) + V(uniform) * sum_below);
    store<Arch>(loss, xsimd::select(mask > V(0.0f), total, V(0.0f)));
    store<Arch>(correct, xsimd::select((best == wanted) & (mask > V(0.0f)), V(1.0f), V(0.0f)));
    if (diff_logits == nullptr) return;
    const V inverse = V(1.0f) / sum_exp, weight = V(args.weight);
    for (std::int64_t k = 0; k < args.classes; ++k) {
      const V probability = xsimd::exp(load<Arch>(logits + k * L) - largest) * inverse;
      const V target = V(uniform) + xsimd::select(wanted == V(static_cast<float>(k)), V(rest), V(0.0f));
      store<Arch>(diff_logits + k * L, xsimd::select(mask > V(0.0f), weight * (probability - target), V(0.0f)));
    }
  }

  static void load_bytes(const LoadArgs<float>& args, const std::uint8_t* src, std::int64_t valid,
                         float* dst) noexcept {
    const std::int64_t image = args.channels * args.pixels;
    alignas(64) float lanes[L] = {};
    for (std::int64_t c = 0; c < args.channels; ++c) {
      const V mean(args.mean[c]), scale(args.scale[c]);
      for (std::int64_t i = c * args.pixels; i < (c + 1) * args.pixels; ++i) {
        if (valid == L) {
          for (std::int64_t l = 0; l < L; ++l) lanes[l] = static_cast<float>(src[l * image + i]);
          store<Arch>(dst + i * L, (load<Arch>(lanes) - mean) * scale);
          continue;
        }
        for (std::int64_t l = 0; l < L; ++l)
          dst[i * L + l] = l < valid ? (static_cast<float>(src[l * image + i]) - args.mean[c]) * args.scale[c] : 0.0f;
      }
    }
  }
};

}  // namespace hone::simd
