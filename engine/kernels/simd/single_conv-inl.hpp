// Direct convolution of one image at a time, plain NCHW: vectors run over output channels (single_conv_tile-inl.hpp).
// Taps on padding are left out, as AxisRun says. Forward and the gradient of the input are the same tiles, run over
// other axis runs and with other packed weights.
//
// Packed weights: [groups][tiles of channels][input channels][R][S][TV * L], missing channels are zero, backward with
// the last tap first. Where the last vector would be half empty and the ISA has vectors of half the width, it is a tile
// of its own. A few channels are left to single_conv_narrow-inl.hpp, which reads the weights as they are.
#pragma once

#include "engine/kernels/simd/single_conv_narrow-inl.hpp"
#include "engine/kernels/simd/single_conv_tile-inl.hpp"
#include "engine/kernels/simd/single_conv_weights-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct SingleConv {
  using Narrow = SingleConvNarrow<Arch>;
  using Tiles = SingleConvTile<Arch>;
  using TileArgs = typename Tiles::Args;
  static constexpr int L = Tiles::L;
  static constexpr bool kHasHalf = L == 16;

  // ---- one tile of channels over all pixels

  // One side of a convolution: its image, and a group's channels.
  struct Side {
    std::int64_t channels, h, w;
    std::int64_t plane() const noexcept { return h * w; }
    std::int64_t bytes() const noexcept { return channels * plane() * static_cast<std::int64_t>(sizeof(float)); }
  };

  static constexpr std::int64_t kSecondCacheBytes = 1 << 20;

  // One direction of a convolution.
  struct Direction {
    const std::vector<AxisRun>&rows, &columns;
    Side src, dst;
    std::int64_t groups, r, s;
    const float *packed, *bias;
    bool relu, backward;
  };

  struct Channels {
    std::int64_t group, first, stored;  // first: within the group
    const float* packed;
  };

  // Tiles of the same output channels. Where few registers make them small and the first cache does not hold their
  // weights, all of them add up a range of the input channels, then the next one: with its weights in the first cache.
  template <int W, int TV>
  class Queue {
   public:
    explicit Queue(const Direction& d) noexcept : channels_(d.src.channels), ranges_(1) {
      const std::int64_t bytes = channels_ * d.r * d.s * W * TV * static_cast<std::int64_t>(sizeof(float));
      if (!Tiles::kMany && bytes > kRangeBytes) ranges_ = divide_up(bytes, kRangeBytes);
      if (ranges_ > channels_) ranges_ = channels_;
    }

    void add(typename Tiles::Tile tile, const TileArgs& args) noexcept {
      if (ranges_ == 1) return tile(args, {0, channels_, true, true}, sums_[0]);
      tiles_[count_] = tile;
      args_[count_] = args;
      if (++count_ == kMost) run();
    }

    void run() noexcept {
      for (std::int64_t i = 0; i < ranges_; ++i) {
        const std::int64_t first = i * channels_ / ranges_, end = (i + 1) * channels_ / ranges_;
        for (int t = 0; t < count_; ++t) tiles_[t](args_[t], {first, end - first, i == 0, i + 1 == ranges_}, sums_[t]);
      }
      count_ = 0;
    }

   private:
    static constexpr std::int64_t kRangeBytes = 20 << 10;
    static constexpr int kMost = Tiles::kMany ? 1 : 32;
    std::int64_t channels_, ranges_;
    int count_ = 0;
    typename Tiles::Tile tiles_[kMost];
    TileArgs args_[kMost];
    alignas(64) float sums_[kMost][Tiles::kSums];
  };

  template <int W, int TV>
  static void run_tile(const Direction& d, const Channels& channels, const float* src, float* dst) noexcept {
    const std::int64_t k = channels.group * d.dst.channels + channels.first;
    TileArgs a;
    a.src_plane = d.src.plane();
    a.weights_plane = d.r * d.s * W * TV;
    a.bias = d.bias == nullptr ? nullptr : d.bias + k;
    a.stored = channels.stored;
    a.src_far = d.src.bytes() > kSecondCacheBytes;
    a.dst_far = d.dst.bytes() > kSecondCacheBytes;
    a.relu = d.relu;
    a.dst_plane = d.dst.plane();
    src += channels.group * d.src.channels * a.src_plane;
    dst += k * a.dst_plane;
    Queue<W, TV> queue(d);
    for (const AxisRun& row : d.rows)
      for (const AxisRun& column : d.columns) {
        const bool padding_only = row.taps == 0 || column.taps == 0;
        a.channels = padding_only ? 0 : d.src.channels;
        a.rows = row.taps;
        a.taps = column.taps;
        const std::int64_t fresh = row.src_step / row.src_tap_step;
        a.fresh_rows = fresh < 1 ? 1 : fresh < row.taps ? fresh : row.taps;
        a.src_row_step = row.src_tap_step * d.src.w;
        a.src_tap_step = column.src_tap_step;
        a.weights = channels.packed + (row.tap_first * d.s + column.tap_first) * W * TV;
        a.weights_row_step = row.tap_step * d.s * W * TV;
        a.weights_tap_step = column.tap_step * W * TV;
        const float* run_src = src + row.src_first * d.src.w + column.src_first;
        float* run_dst = dst + row.out_first * d.dst.w + column.out_first;
        const Steps along_row{column.src_step, column.out_step};
        const Steps along_column{row.src_step * d.src.w, row.out_step * d.dst.w};
        const bool joined = column.lacks_first || column.lacks_last;
        const bool rows_follow = !joined && column.count == d.src.w && column.count == d.dst.w &&
                                 column.src_step == 1 && column.out_step == 1 && row.src_step == 1 && row.out_step == 1;
        // Along the longer way.
        if (rows_follow)
          run_pixels<W, TV>(queue, a, run_src, run_dst, {column.count * row.count, along_row}, {1, along_row});
        else if (joined || column.count >= row.count || column.count >= kShortRun)
          run_pixels<W, TV>(queue, a, run_src, run_dst,
                            {column.count, along_row, column.lacks_first, column.lacks_last},
                            {row.count, along_column});
        else
          run_pixels<W, TV>(queue, a, run_src, run_dst, {row.count, along_column}, {column.count, along_row});
      }
    queue.run();
  }

  static constexpr std::int64_t kShortRun = 6;

  struct Steps {
    std::int64_t src, dst;
  };
  struct Way {
    std::int64_t count;
    Steps step;
    bool lacks_first = false, lacks_last = false;
  };

  // Tiles of pixels along the inner way.
  template <int W, int TV>
  static void run_pixels(Queue<W, TV>& queue, TileArgs& a, const float* src, float* dst, const Way& inner,
                         const Way& outer) noexcept {
    constexpr int kMost = Tiles::most_pixels(TV);
    constexpr auto sequence = std::make_integer_sequence<int, kMost>{};
    a.src_pixel_step = inner.step.src;
    a.dst_pixel_step = inner.step.dst;
    // To the last that is read there: with the one before it, that is all of it.
    const std::int64_t ahead =
        outer.count > 1 ? outer.step.src + (a.rows - 1) * a.src_row_step : 4 * kMost * inner.step.src;
    for (std::int64_t i = 0; i < outer.count; ++i, src += outer.step.src, dst += outer.step.dst)
      split_evenly<kMost>(inner.count, [&](std::int64_t first, std::int64_t size) {
        a.src = src + first * inner.step.src;
        a.dst = dst + first * inner.step.dst;
        a.src_ahead = ahead + (size - 1) * inner.step.src + (a.taps - 1) * a.src_tap_step;
        a.lacks_first = inner.lacks_first && first == 0;
        a.lacks_last = inner.lacks_last && first + size == inner.count;
        queue.add(inner.step.src == 1 ? Tiles::template tile_of<W, TV, true>(size, sequence)
                                      : Tiles::template tile_of<W, TV, false>(size, sequence),
                  a);
      });
  }

  // ---- how the channels of a group are cut

  struct Cut {
    std::int64_t vectors;  // full ones, the last may be empty in part
    bool half;             // a half one behind them
  };
  static Cut cut(std::int64_t channels) noexcept {
    const std::int64_t rest = channels % L;
    const bool half = kHasHalf && rest > 0 && rest <= L / 2;
    return {channels / L + (rest > 0 && !half ? 1 : 0), half};
  }

  // Calls body(constant width, constant vectors, first channel) for each tile of a group's channels.
  template <class Body>
  static void for_each_tile(std::int64_t channels, const Body& body) {
    const Cut parts = cut(channels);
    split_evenly<Tiles::kMostVectors>(parts.vectors, [&](std::int64_t first, std::int64_t size) {
      if (size == 1) body(std::integral_constant<int, L>{}, std::integral_constant<int, 1>{}, first * L);
      if (size == 2) body(std::integral_constant<int, L>{}, std::integral_constant<int, 2>{}, first * L);
      if (size == 3) body(std::integral_constant<int, L>{}, std::integral_constant<int, 3>{}, first * L);
    });
    if constexpr (kHasHalf)
      if (parts.half) body(std::integral_constant<int, L / 2>{}, std::integral_constant<int, 1>{}, parts.vectors * L);
  }

  // As many images at a time as stay in the second cache, one tile of channels after the other: so its weights do, too.
  static void run(const Direction& d, const float* src, float* dst, std::int64_t blocks) noexcept {
    const std::int64_t filter = d.src.channels * d.r * d.s;
    const std::int64_t src_size = d.groups * d.src.channels * d.src.plane();
    const std::int64_t dst_size = d.groups * d.dst.channels * d.dst.plane();
    const std::int64_t fit = kSecondCacheBytes / d.src.bytes();
    const std::int64_t images = fit > 1 ? fit : 1;
    for (std::int64_t first_image = 0; first_image < blocks; first_image += images) {
      const std::int64_t end = first_image + images < blocks ? first_image + images : blocks;
      const float* weights = d.packed;
      for (std::int64_t g = 0; g < d.groups; ++g)
        for_each_tile(d.dst.channels, [&](auto width, auto vectors, std::int64_t first) {
          const std::int64_t rest = d.dst.channels - first;
          const Channels channels{g, first, rest < width * vectors ? rest : width * vectors, weights};
          for (std::int64_t b = first_image; b < end; ++b)
            run_tile<width, vectors>(d, channels, src + b * src_size, dst + b * dst_size);
          weights += width * vectors * filter;
        });
    }
  }

  static void forward(const ConvPlan& plan, const float* src, const float* weights, const float* packed,
                      const float* bias, bool with_relu, float* dst, std::int64_t blocks, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    const Side from{p.group_c(), p.h, p.w}, to{p.group_k(), p.out_h, p.out_w};
    const Direction d{plan.rows, plan.columns, from, to, p.groups, p.r, p.s, packed, bias, with_relu, false};
    if (Narrow::suits(to.channels))
      Narrow::run(d, weights, p.group_c() * p.r * p.s, p.r * p.s, src, dst, blocks);
    else
      run(d, src, dst, blocks);
  }

  static void backward_data(const ConvPlan& plan, const float* diff_dst, const float* weights, const float* packed,
                            float* diff_src, std::int64_t blocks, Crew&) noexcept {
    const ConvShape& p = plan.shape;
    const Side from{p.group_k(), p.out_h, p.out_w}, to{p.group_c(), p.h, p.w};
    const Direction d{
        plan.backward_rows, plan.backward_columns, from, to, p.groups, p.r, p.s, packed, nullptr, false, true};
    if (Narrow::suits(to.channels))
      Narrow::run(d, weights, p.r * p.s, p.group_c() * p.r * p.s, diff_dst, diff_src, blocks);
    else
      run(d, diff_dst, diff_src, blocks);
  }

  // ---- packing

  static std::int64_t padded(std::int64_t channels) noexcept {
    if (Narrow::suits(channels)) return 0;
    const Cut parts = cut(channels);
    return parts.vectors * L + (parts.half ? L / 2 : 0);
  }

  static void prepare(ConvPlan& plan) {
    const ConvShape& p = plan.shape;
    plan.packed = p.groups * padded(p.group_k()) * p.group_c() * p.r * p.s;
    plan.packed_backward = p.groups * padded(p.group_c()) * p.group_k() * p.r * p.s;
    plan.by_rows = true;
    if (!Narrow::suits(p.group_k())) join_ends(plan.columns);
    if (!Narrow::suits(p.group_c())) join_ends(plan.backward_columns);
    SingleConvWeights<Arch>::prepare(plan);
  }

  static void pack(const ConvPlan& plan, const float* weights, float* packed, float* packed_backward) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t window = p.r * p.s, filter = p.group_c() * window;
    // A group's tiles, from values at out * out_step + in * in_step + tap, backward from the last tap on.
    const auto fill = [&](float* to, const float* group, std::int64_t outs, std::int64_t ins, std::int64_t out_step,
                          std::int64_t in_step, bool backward) {
      for_each_tile(outs, [&](auto width, auto vectors, std::int64_t first) {
        for (std::int64_t i = 0; i < ins; ++i)
          for (std::int64_t t = 0; t < window; ++t)
            for (std::int64_t k = first; k < first + width * vectors; ++k)
              *to++ = k < outs ? group[k * out_step + i * in_step + (backward ? window - 1 - t : t)] : 0.0f;
      });
    };
    for (std::int64_t g = 0; g < p.groups; ++g, weights += p.group_k() * filter) {
      if (packed != nullptr && plan.packed > 0)
        fill(packed + g * (plan.packed / p.groups), weights, p.group_k(), p.group_c(), filter, window, false);
      if (packed_backward != nullptr && plan.packed_backward > 0)
        fill(packed_backward + g * (plan.packed_backward / p.groups), weights, p.group_c(), p.group_k(), window, filter,
             true);
    }
  }
};

}  // namespace hone::simd
