// Backward pass of a convolution followed by a max_pool, as its definition.
#pragma once

#include "engine/kernels/ref/index.hpp"
#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
struct ConvPool {
  static bool prepare(ConvPoolPlan& plan) {
    plan.packed = plan.scratch = 0;
    return true;
  }
  static void pack(const ConvPoolPlan&, const T*, T*) noexcept {}

  // Calls body(output channel, row, column, gradient) for the winner of each window of lane l of block b: where in the
  // convolution's output it is.
  template <class Body>
  static void for_each_winner(const ConvPoolPlan& plan, const ConvPoolArgs<T>& a, std::int64_t b, std::int64_t l,
                              const Body& body) {
    const PoolShape& p = plan.pool;
    for (std::int64_t k = 0; k < p.c; ++k)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh)
        for (std::int64_t ow = 0; ow < p.out_w; ++ow) {
          const std::int64_t i = index<L>(b, k, oh, ow, p.c, p.out_h, p.out_w) + l;
          if (a.dst != nullptr && !(a.dst[i] > 0)) continue;
          const auto tap = static_cast<std::int64_t>(a.argmax[i]);
          body(k, oh * p.stride_h + tap / p.size_w, ow * p.stride_w + tap % p.size_w, a.diff_dst[i]);
        }
  }

  static void backward(const ConvPoolPlan& plan, const ConvPoolArgs<T>& a, std::int64_t blocks, Crew&) noexcept {
    const ConvShape& p = plan.conv;
    for (std::int64_t i = 0; i < p.weights(); ++i) a.diff_weights[i] = 0;
    for (std::int64_t k = 0; a.diff_bias != nullptr && k < p.k; ++k) a.diff_bias[k] = 0;
    for (std::int64_t i = 0; a.diff_src != nullptr && i < blocks * p.src_size() * L; ++i) a.diff_src[i] = 0;
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t l = 0; l < L; ++l)
        for_each_winner(plan, a, b, l, [&](std::int64_t k, std::int64_t oh, std::int64_t ow, T diff) {
          if (a.diff_bias != nullptr) a.diff_bias[k] += diff;
          for (std::int64_t c = 0; c < p.c; ++c)
            for (std::int64_t r = 0; r < p.r; ++r)
              for (std::int64_t s = 0; s < p.s; ++s) {
                const std::int64_t ih = oh - p.pad_h + r, iw = ow - p.pad_w + s;
                if (ih < 0 || ih >= p.h || iw < 0 || iw >= p.w) continue;
                const std::int64_t i = index<L>(b, c, ih, iw, p.c, p.h, p.w) + l;
                const std::int64_t w = ((k * p.c + c) * p.r + r) * p.s + s;
                a.diff_weights[w] += diff * a.src[i];
                if (a.diff_src != nullptr) a.diff_src[i] += diff * a.weights[w];
              }
        });
  }
};

}  // namespace hone::ref
