// Pooling, images innermost: a window's taps are whole vectors.
#pragma once

#include <limits>

#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Pool {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  // Taps of one window along one axis that are inside the input.
  struct Window {
    std::int64_t first, end, src;  // src: position of tap `first`
  };
  static Window window(std::int64_t out, std::int64_t stride, std::int64_t pad, std::int64_t size,
                       std::int64_t in) noexcept {
    const std::int64_t start = out * stride - pad;
    const std::int64_t first = start < 0 ? -start : 0;
    const std::int64_t end = start + size > in ? in - start : size;
    return {first, end, start + first};
  }

  // Calls body(source plane, window of rows, window of columns, output) for each output pixel of each channel.
  template <class Body>
  HONE_INLINE static void for_each_window(const PoolShape& p, std::int64_t blocks, const Body& body) noexcept {
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh) {
        const Window rows = window(oh, p.stride_h, p.pad_h, p.size_h, p.h);
        for (std::int64_t ow = 0; ow < p.out_w; ++ow)
          body(plane * p.h * p.w * L, rows, window(ow, p.stride_w, p.pad_w, p.size_w, p.w),
               ((plane * p.out_h + oh) * p.out_w + ow) * L);
      }
  }

  static bool is_halving(const PoolShape& p) noexcept {
    return p.size_h == 2 && p.size_w == 2 && p.stride_h == 2 && p.stride_w == 2 && p.pad_h == 0 && p.pad_w == 0;
  }

  // Whether `best` stays the largest beside x: a NaN wins and stays.
  HONE_INLINE static auto keeps(const V& best, const V& x) noexcept { return (x <= best) | xsimd::isnan(best); }

  static void max_forward(const PoolShape& p, const float* src, float* dst, float* argmax,
                          std::int64_t blocks) noexcept {
    if (is_halving(p)) return halve(p, src, dst, argmax, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      V best(-std::numeric_limits<float>::infinity()), tap_of_best(0.0f);
      for (std::int64_t r = rows.first; r < rows.end; ++r)
        for (std::int64_t s = columns.first; s < columns.end; ++s) {
          const std::int64_t row = rows.src + r - rows.first, column = columns.src + s - columns.first;
          const V x = load<Arch>(src + plane + (row * p.w + column) * L);
          const auto keep = keeps(best, x);
          best = xsimd::select(keep, best, x);
          tap_of_best = xsimd::select(keep, tap_of_best, V(static_cast<float>(r * p.size_w + s)));
        }
      store<Arch>(dst + out, best);
      if (argmax != nullptr) store<Arch>(argmax + out, tap_of_best);
    });
  }

  // The usual 2x2 windows.
  static void halve(const PoolShape& p, const float* src, float* dst, float* argmax, std::int64_t blocks) noexcept {
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, src += p.h * p.w * L)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh) {
        const float *top = src + 2 * oh * p.w * L, *bottom = top + p.w * L;
        for (std::int64_t ow = 0; ow < p.out_w; ++ow, top += 2 * L, bottom += 2 * L, dst += L) {
          V best = load<Arch>(top), tap_of_best(0.0f);
          const float* others[] = {top + L, bottom, bottom + L};
          unroll<3>([&](int i) HONE_INLINE_LAMBDA {
            const V x = load<Arch>(others[i]);
            const auto keep = keeps(best, x);
            best = xsimd::select(keep, best, x);
            tap_of_best = xsimd::select(keep, tap_of_best, V(static_cast<float>(i + 1)));
          });
          store<Arch>(dst, best);
          if (argmax == nullptr) continue;
          store<Arch>(argmax, tap_of_best);
          argmax += L;
        }
      }
  }

  static void max_backward(const PoolShape& p, const float* diff_dst, const float* argmax, float* diff_src,
                           std::int64_t blocks) noexcept {
    if (is_halving(p)) return unhalve(p, diff_dst, argmax, diff_src, blocks);
    clear(p, diff_src, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      const V diff = load<Arch>(diff_dst + out), best = load<Arch>(argmax + out);
      for (std::int64_t r = rows.first; r < rows.end; ++r)
        for (std::int64_t s = columns.first; s < columns.end; ++s) {
          float* to = diff_src + plane + ((rows.src + r - rows.first) * p.w + columns.src + s - columns.first) * L;
          const auto won = best == V(static_cast<float>(r * p.size_w + s));
          store<Arch>(to, load<Arch>(to) + xsimd::select(won, diff, V(0.0f)));
        }
    });
  }

  static void unhalve(const PoolShape& p, const float* diff_dst, const float* argmax, float* diff_src,
                      std::int64_t blocks) noexcept {
    if (p.h % 2 != 0 || p.w % 2 != 0) clear(p, diff_src, blocks);
    for (std::int64_t plane = 0; plane < blocks * p.c; ++plane, diff_src += p.h * p.w * L)
      for (std::int64_t oh = 0; oh < p.out_h; ++oh) {
        float *top = diff_src + 2 * oh * p.w * L, *bottom = top + p.w * L;
        for (std::int64_t ow = 0; ow < p.out_w; ++ow, top += 2 * L, bottom += 2 * L, diff_dst += L, argmax += L) {
          const V diff = load<Arch>(diff_dst), best = load<Arch>(argmax);
          float* to[] = {top, top + L, bottom, bottom + L};
          unroll<4>([&](int i) HONE_INLINE_LAMBDA {
            store<Arch>(to[i], xsimd::select(best == V(static_cast<float>(int{i})), diff, V(0.0f)));
          });
        }
      }
  }

  static void avg_forward(const PoolShape& p, const float* src, float* dst, std::int64_t blocks) noexcept {
    const V share(1.0f / static_cast<float>(p.size_h * p.size_w));
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      V sum(0.0f);
      for (std::int64_t r = 0; r < rows.end - rows.first; ++r)
        for (std::int64_t s = 0; s < columns.end - columns.first; ++s)
          sum += load<Arch>(src + plane + ((rows.src + r) * p.w + columns.src + s) * L);
      store<Arch>(dst + out, sum * share);
    });
  }

  static void avg_backward(const PoolShape& p, const float* diff_dst, float* diff_src, std::int64_t blocks) noexcept {
    const V share(1.0f / static_cast<float>(p.size_h * p.size_w));
    clear(p, diff_src, blocks);
    for_each_window(p, blocks, [&](std::int64_t plane, Window rows, Window columns, std::int64_t out) {
      const V diff = load<Arch>(diff_dst + out) * share;
      for (std::int64_t r = 0; r < rows.end - rows.first; ++r)
        for (std::int64_t s = 0; s < columns.end - columns.first; ++s) {
          float* to = diff_src + plane + ((rows.src + r) * p.w + columns.src + s) * L;
          store<Arch>(to, load<Arch>(to) + diff);
        }
    });
  }

  static void clear(const PoolShape& p, float* diff_src, std::int64_t blocks) noexcept {
    const std::int64_t count = blocks * p.src_size() * L;
    for (std::int64_t i = 0; i < count; i += L) store<Arch>(diff_src + i, V(0.0f));
  }
};

}  // namespace hone::simd
