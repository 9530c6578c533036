// Pooling of plain NCHW planes.
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

  // Whether `best` stays the largest beside x: a NaN wins and stays.
  HONE_INLINE static bool keeps(float best, float x) noexcept { return x <= best || best != best; }

  static void max_forward(const PoolShape& p, const float* src, float* dst, float* argmax,
                          std::int64_t blocks) noexcept {
    if (Windows::is_halving(p)) return halve(p, src, dst, argmax, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      float best = -std::numeric_limits<float>::infinity();
      std::int64_t tap_of_best = 0;
      for (std::int64_t r = rows.first; r < rows.end; ++r)
        for (std::int64_t s = columns.first; s < columns.end; ++s) {
          const float x = src[plane + (rows.src + r - rows.first) * p.w + columns.src + s - columns.first];
          const bool keep = keeps(best, x);
          best = keep ? best : x;
          tap_of_best = keep ? tap_of_best : r * p.size_w + s;
        }
      dst[out] = best;
      if (argmax != nullptr) argmax[out] = static_cast<float>(tap_of_best);
    });
  }

  // The usual 2x2 windows.
  static void halve(const PoolShape& p, const float* src, float* dst, float* argmax, std::int64_t blocks) noexcept {
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, src += p.h * p.w)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh, dst += p.out_w) {
        const float *top = src + 2 * oh * p.w, *bottom = top + p.w;
        std::int64_t ow = halve_row<L>(top, bottom, dst, argmax, 0, p.out_w);
        if constexpr (L > 4) ow = halve_row<4>(top, bottom, dst, argmax, ow, p.out_w);
        for (; ow < p.out_w; ++ow) {
          float best = top[2 * ow], tap_of_best = 0.0f;
          const float others[] = {top[2 * ow + 1], bottom[2 * ow], bottom[2 * ow + 1]};
          unroll<3>([&](int i) HONE_INLINE_LAMBDA {
            const bool keep = keeps(best, others[i]);
            best = keep ? best : others[i];
            tap_of_best = keep ? tap_of_best : static_cast<float>(i + 1);
          });
          dst[ow] = best;
          if (argmax != nullptr) argmax[ow] = tap_of_best;
        }
        if (argmax != nullptr) argmax += p.out_w;
      }
  }

  template <int W>
  HONE_INLINE static std::int64_t halve_row(const float* top, const float* bottom, float* dst, float* argmax,
                                            std::int64_t ow, std::int64_t count) noexcept {
    using Part = Floats<Arch, W>;
    using Values = typename Part::V;
    for (; ow + W <= count; ow += W) {
      const Values top0 = Part::load(top + 2 * ow), top1 = Part::load(top + 2 * ow + W);
      const Values bottom0 = Part::load(bottom + 2 * ow), bottom1 = Part::load(bottom + 2 * ow + W);
      if (argmax == nullptr) {
        const Values left = Part::larger(top0, bottom0), right = Part::larger(top1, bottom1);
        Part::store(dst + ow, Part::larger(Part::template every_second<false>(left, right),
                                           Part::template every_second<true>(left, right)));
        continue;
      }
      Values best = Part::template every_second<false>(top0, top1), tap_of_best{};
      const Values others[] = {Part::template every_second<true>(top0, top1),
                               Part::template every_second<false>(bottom0, bottom1),
                               Part::template every_second<true>(bottom0, bottom1)};
      unroll<3>([&](int i) HONE_INLINE_LAMBDA {
        const auto keep = (others[i] <= best) | (best != best);  // as keeps()
        best = keep ? best : others[i];
        tap_of_best = keep ? tap_of_best : Part::broadcast(static_cast<float>(i + 1));
      });
      Part::store(dst + ow, best);
      Part::store(argmax + ow, tap_of_best);
    }
    return ow;
  }

  static void max_backward(const PoolShape& p, const float* diff_dst, const float* argmax, float* diff_src,
                           std::int64_t blocks) noexcept {
    if (Windows::is_halving(p)) return unhalve(p, diff_dst, argmax, diff_src, blocks);
    clear(p, diff_src, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      const auto tap = static_cast<std::int64_t>(argmax[out]);
      const std::int64_t r = tap / p.size_w, s = tap % p.size_w;
      if (r < rows.first || r >= rows.end || s < columns.first || s >= columns.end) return;
      diff_src[plane + (rows.src + r - rows.first) * p.w + columns.src + s - columns.first] += diff_dst[out];
    });
  }

  static void unhalve(const PoolShape& p, const float* diff_dst, const float* argmax, float* diff_src,
                      std::int64_t blocks) noexcept {
    if (p.h % 2 != 0 || p.w % 2 != 0) clear(p, diff_src, blocks);
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, diff_src += p.h * p.w)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh, diff_dst += p.out_w, argmax += p.out_w) {
        float *top = diff_src + 2 * oh * p.w, *bottom = top + p.w;
        std::int64_t ow = unhalve_row<L>(diff_dst, argmax, top, bottom, 0, p.out_w);
        if constexpr (L > 4) ow = unhalve_row<4>(diff_dst, argmax, top, bottom, ow, p.out_w);
        for (; ow < p.out_w; ++ow) {
          float* const to[] = {top + 2 * ow, top + 2 * ow + 1, bottom + 2 * ow, bottom + 2 * ow + 1};
          unroll<4>([&](int i) HONE_INLINE_LAMBDA {
            *to[i] = argmax[ow] == static_cast<float>(int{i}) ? diff_dst[ow] : 0.0f;
          });
        }
      }
  }

  template <int W>
  HONE_INLINE static std::int64_t unhalve_row(const float* diff_dst, const float* argmax, float* top, float* bottom,
                                              std::int64_t ow, std::int64_t count) noexcept {
    using Part = Floats<Arch, W>;
    using Values = typename Part::V;
    for (; ow + W <= count; ow += W) {
      const Values diff = Part::load(diff_dst + ow), best = Part::load(argmax + ow);
      Values of_tap[4];
      unroll<4>([&](int i) HONE_INLINE_LAMBDA {
        of_tap[i] = best == Part::broadcast(static_cast<float>(int{i})) ? diff : Values{};
      });
      Part::store(top + 2 * ow, Part::template zip<false>(of_tap[0], of_tap[1]));
      Part::store(top + 2 * ow + W, Part::template zip<true>(of_tap[0], of_tap[1]));
      Part::store(bottom + 2 * ow, Part::template zip<false>(of_tap[2], of_tap[3]));
      Part::store(bottom + 2 * ow + W, Part::template zip<true>(of_tap[2], of_tap[3]));
    }
    return ow;
  }

  static void clear(const PoolShape& p, float* diff_src, std::int64_t blocks) noexcept {
    std::memset(diff_src, 0, static_cast<std::size_t>(blocks * p.src_size()) * sizeof(float));
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

  static void avg_backward(const PoolShape& p, const float* diff_dst, float* diff_src, std::int64_t blocks) noexcept {
    const float share = 1.0f / static_cast<float>(p.size_h * p.size_w);
    clear(p, diff_src, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      const float diff = diff_dst[out] * share;
      for (std::int64_t r = 0; r < rows.end - rows.first; ++r) {
        float* to = diff_src + plane + (rows.src + r) * p.w + columns.src;
        for (std::int64_t s = 0; s < columns.end - columns.first; ++s) to[s] += diff;
      }
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
