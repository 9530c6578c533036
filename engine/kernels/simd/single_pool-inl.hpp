// Pooling of plain NCHW planes, forward.
#pragma once

#include <limits>

#include "engine/kernels/simd/pool-inl.hpp"
#include "engine/kernels/simd/single_vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SinglePool {
  static constexpr int L = static_cast<int>(kLanes<Arch>);
  using F = Floats<Arch, L>;
  using V = typename F::V;
  using Windows = Pool<Arch>;
  using Window = typename Windows::Window;

  // Calls body(source plane, window of rows, window of columns, output) for each output pixel of each channel.
  template <class Body>
  HONE_INLINE static void for_each_window(const PoolShape& p, std::int64_t blocks, const Body& body) noexcept {
    for (std::int64_t plane = 0, out = 0; plane < blocks * p.c; ++plane)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh) {
        const Window rows = Windows::window(oh, p.stride_h, p.pad_h, p.size_h, p.h);
        for (std::int64_t ow = 0; ow < p.out_w; ++ow, ++out)
          body(plane * p.h * p.w, rows, Windows::window(ow, p.stride_w, p.pad_w, p.size_w, p.w), out);
      }
  }

  // There is no backward pass here, so no argmax.
  static void max_forward(const PoolShape& p, const float* src, float* dst, float*, std::int64_t blocks) noexcept {
    if (Windows::is_halving(p)) return halve(p, src, dst, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      float best = -std::numeric_limits<float>::infinity();
      for (std::int64_t r = 0; r < rows.end - rows.first; ++r)
        for (std::int64_t s = 0; s < columns.end - columns.first; ++s)
          best = larger(best, src[plane + (rows.src + r) * p.w + columns.src + s]);
      dst[out] = best;
    });
  }

  HONE_INLINE static float larger(float a, float b) noexcept { return a >= b || a != a ? a : b; }

  // The usual 2x2 windows.
  static void halve(const PoolShape& p, const float* src, float* dst, std::int64_t blocks) noexcept {
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, src += p.h * p.w)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh, dst += p.out_w) {
        const float *top = src + 2 * oh * p.w, *bottom = top + p.w;
        std::int64_t ow = halve_row<L>(top, bottom, dst, 0, p.out_w);
        if constexpr (L > 4) ow = halve_row<4>(top, bottom, dst, ow, p.out_w);
        for (; ow < p.out_w; ++ow)
          dst[ow] = larger(larger(larger(top[2 * ow], top[2 * ow + 1]), bottom[2 * ow]), bottom[2 * ow + 1]);
      }
  }

  template <int W>
  HONE_INLINE static std::int64_t halve_row(const float* top, const float* bottom, float* dst, std::int64_t ow,
                                            std::int64_t count) noexcept {
    using Part = Floats<Arch, W>;
    for (; ow + W <= count; ow += W) {
      const auto left = Part::larger(Part::load(top + 2 * ow), Part::load(bottom + 2 * ow));
      const auto right = Part::larger(Part::load(top + 2 * ow + W), Part::load(bottom + 2 * ow + W));
      Part::store(dst + ow, Part::larger(Part::template every_second<false>(left, right),
                                         Part::template every_second<true>(left, right)));
    }
    return ow;
  }

  static void avg_forward(const PoolShape& p, const float* src, float* dst, std::int64_t blocks) noexcept {
    const float share = 1.0f / static_cast<float>(p.size_h * p.size_w);
    if (p.size_h == p.h && p.size_w == p.w && p.out_h == 1 && p.out_w == 1 && p.pad_h == 0 && p.pad_w == 0) {
      for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, src += p.h * p.w)
        dst[plane] = sum(src, p.h * p.w) * share;
      return;
    }
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      float total = 0;
      for (std::int64_t r = 0; r < rows.end - rows.first; ++r)
        total += sum(src + plane + (rows.src + r) * p.w + columns.src, columns.end - columns.first);
      dst[out] = total * share;
    });
  }

  HONE_INLINE static float sum(const float* values, std::int64_t count) noexcept {
    V sums{};
    std::int64_t i = 0;
    for (; i + L <= count; i += L) sums += F::load(values + i);
    float total = i > 0 ? F::sum(sums) : 0.0f;
    for (; i < count; ++i) total += values[i];
    return total;
  }
};

}  // namespace hone::simd
