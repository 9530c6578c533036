// Gradient of a convolution's weights, one image at a time, where channels do not fill vectors: first layers,
// depthwise ones. Vectors run over pixels. Bands of the input are copied with their padding, pixels that are a stride
// apart beside each other, and dy with rows of the same length, zeros where it has no column: then a tap reads one
// straight run of pixels, and the tile of any taps (conv_weights_tile-inl.hpp), output channels x pairs (input channel,
// tap), serves.
#pragma once

#include "engine/kernels/simd/conv_weights_tile-inl.hpp"
#include "engine/kernels/simd/single_pool-inl.hpp"

namespace hone::simd {

template <class Arch>
struct SingleConvPlanes {
  using V = Vec<Arch>;
  using Tiles = ConvWeightsTile<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMostOut = Tiles::kAnyMostOut, kMostPairs = Tiles::kMostPairs;
  static constexpr std::int64_t kBandValues = 4096;  // pixels of a band

  using Range = TapRange<Arch>;

  // ---- sizes

  // Of a row, and rows that an image or a band has beyond its outputs.
  static std::int64_t row_size(const ConvShape& p) noexcept { return p.out_w + (p.s - 1) * p.dilation_w / p.stride_w; }
  static std::int64_t more_rows(const ConvShape& p) noexcept { return (p.r - 1) * p.dilation_h / p.stride_h; }
  static std::int64_t band_rows(const ConvShape& p) noexcept {
    const std::int64_t rows = kBandValues / row_size(p);
    return rows < 1 ? 1 : rows < p.out_h ? rows : p.out_h;
  }
  static std::int64_t rounded(std::int64_t count) noexcept { return (count + L - 1) / L * L; }
  // Of a band's dy; of its input, of one channel and the pixels of one remainder by the strides.
  static std::int64_t diff_size(const ConvShape& p) noexcept { return rounded(band_rows(p) * row_size(p)); }
  static std::int64_t plane_size(const ConvShape& p) noexcept {
    return rounded((band_rows(p) + more_rows(p)) * row_size(p) + row_size(p)) + L;
  }
  static std::int64_t pairs(const ConvShape& p) noexcept { return p.group_c() * p.r * p.s; }
  static std::int64_t sums_size(const ConvShape& p) noexcept { return (p.group_k() * pairs(p) + L) * L; }
  static std::int64_t scratch_size(const ConvShape& p) noexcept {
    return sums_size(p) + kMostOut * diff_size(p) + p.group_c() * p.stride_h * p.stride_w * plane_size(p);
  }

  // ---- copies

  // dst[i] = src[first + i * kStep or step] for i in `inside`, zero for the others of `count`.
  template <int kStep>
  HONE_INLINE static void copy_row(const float* src, Range inside, std::int64_t first, std::int64_t step, float* dst,
                                   std::int64_t count) noexcept {
    using F = Floats<Arch, static_cast<int>(L)>;
    std::int64_t i = 0;
    for (; i < inside.first && i < count; ++i) dst[i] = 0.0f;
    if constexpr (kStep == 1)
      for (; i + L <= inside.end; i += L) F::store(dst + i, F::load(src + first + i));
    if constexpr (kStep == 2)
      for (; i + L < inside.end; i += L)  // reads one more
        F::store(dst + i,
                 F::template every_second<false>(F::load(src + first + 2 * i), F::load(src + first + 2 * i + L)));
    for (; i < inside.end; ++i) dst[i] = src[first + i * (kStep > 0 ? kStep : step)];
    for (; i < count; ++i) dst[i] = 0.0f;
  }

  // The input of outputs from row y on, of `channels` channels, for all remainders that a tap has.
  static void copy_planes(const ConvShape& p, const float* src, std::int64_t channels, std::int64_t y,
                          std::int64_t rows, float* dst) noexcept {
    const std::int64_t size = plane_size(p), width = row_size(p), remainders = p.stride_h * p.stride_w;
    const auto copy = p.stride_w == 1 ? copy_row<1> : p.stride_w == 2 ? copy_row<2> : copy_row<0>;
    for (std::int64_t n = 0; n < remainders; ++n, dst += size) {
      const std::int64_t rest_h = n / p.stride_w, rest_w = n % p.stride_w, first = rest_w - p.pad_w;
      if (!is_used(p.r, p.dilation_h, p.stride_h, rest_h) || !is_used(p.s, p.dilation_w, p.stride_w, rest_w)) continue;
      const Range columns = Range::of(p.w, width, p.stride_w, first);
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* plane = src + c * p.h * p.w;
        float* to = dst + c * remainders * size;
        float* const end = to + size;
        std::int64_t row = y * p.stride_h + rest_h - p.pad_h;
        for (std::int64_t i = 0; i < rows + more_rows(p); ++i, row += p.stride_h, to += width) {
          const bool inside = row >= 0 && row < p.h;
          copy(plane + row * p.w, inside ? columns : Range{0, 0}, first, p.stride_w, to, width);
        }
        std::memset(to, 0, static_cast<std::size_t>(end - to) * sizeof(float));
      }
    }
  }

  static bool is_used(std::int64_t taps, std::int64_t dilation, std::int64_t stride, std::int64_t rest) noexcept {
    for (std::int64_t tap = 0; tap < taps; ++tap)
      if (tap * dilation % stride == rest) return true;
    return false;
  }

  static void copy_diff(const ConvShape& p, const float* src, std::int64_t rows, float* dst) noexcept {
    const std::int64_t width = row_size(p), size = rounded(rows * width);
    for (std::int64_t i = 0; i < rows; ++i) copy_row<1>(src + i * p.out_w, {0, p.out_w}, 0, 1, dst + i * width, width);
    for (std::int64_t rest = rows * width; rest < size; ++rest) dst[rest] = 0.0f;
  }

  // ---- bands

  // Where the band's copy has the first pixel of a pair.
  static std::int64_t pair_offset(const ConvShape& p, std::int64_t pair) noexcept {
    const std::int64_t s = pair % p.s * p.dilation_w, r = pair / p.s % p.r * p.dilation_h, c = pair / (p.r * p.s);
    const std::int64_t plane = (c * p.stride_h + r % p.stride_h) * p.stride_w + s % p.stride_w;
    return plane * plane_size(p) + r / p.stride_h * row_size(p) + s / p.stride_w;
  }

  // Output channels [k, k + tk) from their dy; sums: [pair tile][tk][pair][L].
  static void add_band(const ConvShape& p, const float* src, const float* diff, std::int64_t rows, std::int64_t tk,
                       float* sums) noexcept {
    typename Tiles::Args a;
    std::int64_t offsets[kMostPairs];
    a.src = src;
    a.src_offset = offsets;
    a.diff = diff;
    a.diff_plane = diff_size(p);
    a.src_row = a.diff_row = 0;
    a.src_pixel = L;
    a.columns = rounded(rows * row_size(p)) / L;
    a.rows = {0, 1};
    a.accumulate = true;
    split_evenly<kMostPairs>(pairs(p), [&](std::int64_t pair, std::int64_t tj) {
      for (std::int64_t j = 0; j < tj; ++j) offsets[j] = pair_offset(p, pair + j);
      a.sums = sums + tk * pair * L;
      Tiles::tile_of(tk, tj, Tiles::Pairs::unit_step)(a);
    });
  }

  // Output channels [k_begin, k_end) of one group.
  static void run_group(const ConvShape& p, const float* src, const float* diff, float* diff_weights,
                        std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, float* scratch) noexcept {
    const std::int64_t first_c = k_begin / p.group_k() * p.group_c(), k_count = k_end - k_begin;
    const std::int64_t rows = band_rows(p);
    float *sums = scratch, *diffs = sums + sums_size(p), *inputs = diffs + kMostOut * diff_size(p);
    for (std::int64_t i = 0; i < k_count * pairs(p) * L; i += L) store<Arch>(sums + i, V(0.0f));
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t y = 0; y < p.out_h; y += rows) {
        const std::int64_t count = p.out_h - y < rows ? p.out_h - y : rows;
        copy_planes(p, src + (b * p.c + first_c) * p.h * p.w, p.group_c(), y, count, inputs);
        split_evenly<kMostOut>(k_count, [&](std::int64_t k, std::int64_t tk) {
          for (std::int64_t i = 0; i < tk; ++i)
            copy_diff(p, diff + ((b * p.k + k_begin + k + i) * p.out_h + y) * p.out_w, count, diffs + i * diff_size(p));
          add_band(p, inputs, diffs, count, tk, sums + k * pairs(p) * L);
        });
      }
    store_sums(p, sums, diff_weights + k_begin * pairs(p), k_count);
  }

  static void store_sums(const ConvShape& p, float* sums, float* diff_weights, std::int64_t k_count) noexcept {
    const std::int64_t count = k_count * pairs(p);
    for (std::int64_t i = 0; i < count; i += L) lane_sums<Arch>(sums + i * L, sums + i);  // to where all is read
    split_evenly<kMostOut>(k_count, [&](std::int64_t k, std::int64_t tk) {
      split_evenly<kMostPairs>(pairs(p), [&](std::int64_t pair, std::int64_t tj) {
        for (std::int64_t i = 0; i < tk; ++i)
          for (std::int64_t j = 0; j < tj; ++j) diff_weights[(k + i) * pairs(p) + pair + j] = *sums++;
      });
    });
  }
};

}  // namespace hone::simd
