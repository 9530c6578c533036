// Direct convolution, images innermost. A tile holds TP pixels x TK output channels in registers; for each input
// channel and tap it loads the TP pixels (a vector of images each) and broadcasts the TK weights. Taps on padding are
// left out: AxisRun says which taps the pixels of a tile share. Forward and the gradient of the input are the same
// tile, run over other axis runs and with other packed weights.
//
// Packed weights: [groups][channel tiles][input channels][R][S][TK], missing channels of the last tile are zero.
#pragma once

#include "engine/kernels/simd/conv_weights_transposed-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Conv {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  // Pixels a tile by output channels a tile: accumulators, the pixels and a weight fill the registers.
  static constexpr int most_pixels(int tk) {
    return kMany ? (tk <= 2 ? 8 : tk == 4 ? 6 : 5) : (tk == 1 ? 7 : tk == 2 ? 4 : tk == 4 ? 3 : 2);
  }
  static constexpr int kWeightTile = kMany ? 5 : 3;  // output channels, and taps, of a tile of the weights' gradient

  // ---- tiles of forward and of the gradient of the input

  struct TileArgs {
    const float* src;  // first pixel, first tap
    std::int64_t src_plane, src_row_step, src_tap_step, src_pixel_step;
    const float* weights;  // first tap
    std::int64_t weights_plane, weights_row_step, weights_tap_step;
    std::int64_t channels, rows, taps;
    std::int64_t prefetch;  // from a channel's first pixel to one that the next row of tiles reads
    const float* bias;      // of the tile's channels; may be null
    std::int64_t bias_count;
    bool accumulate;  // start from what dst holds instead of the bias
    bool relu;
    float* dst;
    std::int64_t dst_plane, dst_pixel_step;
    std::int64_t stored;  // channels of the tile that exist
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  template <int TP, int TK, bool kUnitStep>
  [[gnu::noinline]] static void tile(const TileArgs& a) noexcept {
    V acc[TP][TK];
    if (a.accumulate)
      unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
        const float* dst = a.dst + (k < a.stored ? k : 0) * a.dst_plane;
        unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = load<Arch>(dst + p * a.dst_pixel_step); });
      });
    else
      unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
        const V bias(a.bias != nullptr && k < a.bias_count ? a.bias[k] : 0.0f);
        unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = bias; });
      });
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      unroll<TP>([&](auto p)
                     HONE_INLINE_LAMBDA { __builtin_prefetch(a.dst + k * a.dst_plane + p * a.dst_pixel_step, 1); });
    });
    const std::int64_t step = kUnitStep ? L : a.src_pixel_step;
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const float* src_row = a.src + c * a.src_plane;
      const float* weights_row = a.weights + c * a.weights_plane;
      __builtin_prefetch(src_row + a.prefetch);
      for (std::int64_t r = 0; r < a.rows; ++r) {
        const float* src = src_row;
        const float* weights = weights_row;
        for (std::int64_t s = 0; s < a.taps; ++s) {
          V x[TP];
          unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { x[p] = load_pinned<Arch>(src + p * step); });
          unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
            const V w(weights[k]);
            unroll<TP>([&](auto p) HONE_INLINE_LAMBDA { acc[p][k] = fma<Arch>(x[p], w, acc[p][k]); });
          });
          src += a.src_tap_step;
          weights += a.weights_tap_step;
        }
        src_row += a.src_row_step;
        weights_row += a.weights_row_step;
      }
    }
    unroll<TK>([&](auto k) HONE_INLINE_LAMBDA {
      if (k < a.stored)
        unroll<TP>([&](auto p) HONE_INLINE_LAMBDA {
          const V y = a.relu ? relu<Arch>(acc[p][k]) : acc[p][k];
          store<Arch>(a.dst + k * a.dst_plane + p * a.dst_pixel_step, y);
        });
    });
  }

  template <int TK, bool kUnitStep, int... P>
  static Tile tile_of(std::int64_t pixels, std::integer_sequence<int, P...>) noexcept {
    static constexpr Tile kTiles[] = {tile<P + 1, TK, kUnitStep>...};
    return kTiles[pixels - 1];
  }

  template <int TK>
  static Tile tile_of(std::int64_t pixels, bool unit_step) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, most_pixels(TK)>{};
    return unit_step ? tile_of<TK, true>(pixels, sequence) : tile_of<TK, false>(pixels, sequence);
  }

  // One direction of a convolution, in one block of images.
  struct Direction {
    const AxisRun *rows, *columns;
    std::int64_t row_runs, column_runs;
    std::int64_t src_channels, dst_channels, groups;  // channels of a group
    std::int64_t src_plane, src_width, dst_plane, dst_width;
    std::int64_t r, s, packed_group;  // kernel; packed weights of a group
    const float *packed, *bias;
    bool relu;
  };

  // Input channels [first, first + count).
  struct Channels {
    std::int64_t first, count;
  };

  // Output channels of the tile at k_first, row i of a run, added up over some of the input channels.
  template <int TK>
  static void run_tile_row(const Direction& d, const AxisRun& row, std::int64_t i, std::int64_t group,
                           std::int64_t k_first, Channels channels, const float* src, float* dst) noexcept {
    constexpr int kMost = most_pixels(TK);
    TileArgs a;
    a.src_plane = d.src_plane;
    a.weights_plane = d.r * d.s * TK;
    a.weights_row_step = row.tap_step * d.s * TK;
    a.src_row_step = row.src_tap_step * d.src_width * L;
    a.rows = row.taps;
    a.accumulate = channels.first > 0;
    a.relu = d.relu && channels.first + channels.count == d.src_channels;
    a.dst_plane = d.dst_plane;
    a.stored = d.dst_channels - k_first;
    a.bias_count = a.stored;
    a.bias = d.bias == nullptr ? nullptr : d.bias + group * d.dst_channels + k_first;
    const float* weights = d.packed + group * d.packed_group + k_first / TK * d.src_channels * d.r * d.s * TK +
                           channels.first * a.weights_plane + row.tap_first * d.s * TK;
    src += channels.first * d.src_plane + (row.src_first + i * row.src_step) * d.src_width * L;
    dst += k_first * d.dst_plane + (row.out_first + i * row.out_step) * d.dst_width * L;
    // Channels are too far apart for the hardware to see where the next row is.
    const std::int64_t newest_row = row.src_tap_step > 0 ? (row.taps - 1) * row.src_tap_step : 0;
    const std::int64_t next_row = (newest_row + row.src_step) * d.src_width * L;
    for (std::int64_t j = 0; j < d.column_runs; ++j) {
      const AxisRun& column = d.columns[j];
      a.channels = row.taps == 0 || column.taps == 0 ? 0 : channels.count;
      a.weights = weights + column.tap_first * TK;
      a.weights_tap_step = column.tap_step * TK;
      a.src_tap_step = column.src_tap_step * L;
      a.src_pixel_step = column.src_step * L;
      a.taps = column.taps;
      a.dst_pixel_step = column.out_step * L;
      split_evenly<kMost>(column.count, [&](std::int64_t first, std::int64_t size) {
        a.src = src + (column.src_first + first * column.src_step) * L;
        a.dst = dst + (column.out_first + first * column.out_step) * L;
        a.prefetch = next_row + k_first / TK % size * column.src_step * L;
        tile_of<TK>(size, column.src_step == 1)(a);
      });
    }
  }

  // Input channels that are worked on at a time. Planes whose distance is a multiple of a large power of two fall on
  // the same few sets of the second cache (taken to have eight ways of 128 KiB), which then holds few of them; a part
  // keeps to those, but not to fewer than make a tile worth its loads and stores.
  static std::int64_t channels_at_a_time(const Direction& d) noexcept {
    constexpr std::int64_t kWay = 128 << 10, kWays = 8, kFewestTaps = 64;
    const std::int64_t plane = d.src_plane * static_cast<std::int64_t>(sizeof(float));
    std::int64_t step = 4096;  // the largest power of two that divides the distance
    while (step < kWay && plane % (2 * step) == 0) step *= 2;
    if (plane % step != 0) return d.src_channels;
    const std::int64_t held = kWays * kWay / step, fewest = (kFewestTaps + d.r * d.s - 1) / (d.r * d.s);
    return held > fewest ? held : fewest;
  }

  template <int TK>
  static void run_block(const Direction& d, const float* src, float* dst) noexcept {
    // Weights that do not fit the first cache are kept there a tile of channels at a time.
    constexpr std::int64_t kRowsOutside = 1 << 15;
    const bool rows_outside = d.packed_group <= kRowsOutside;
    const std::int64_t part = channels_at_a_time(d), parts = (d.src_channels + part - 1) / part;
    for (std::int64_t g = 0; g < d.groups; ++g) {
      const float* group_src = src + g * d.src_channels * d.src_plane;
      float* group_dst = dst + g * d.dst_channels * d.dst_plane;
      const auto for_each_row = [&](const auto& body) {
        for (std::int64_t n = 0; n < d.row_runs; ++n)
          for (std::int64_t i = 0; i < d.rows[n].count; ++i) body(d.rows[n], i);
      };
      const auto for_each_tile = [&](const auto& body) {
        for (std::int64_t k = 0; k < d.dst_channels; k += TK) body(k);
      };
      const auto for_each_part = [&](const auto& body) {
        for (std::int64_t n = 0; n < parts; ++n)
          body(Channels{n * d.src_channels / parts, (n + 1) * d.src_channels / parts - n * d.src_channels / parts});
      };
      const auto run_one = [&](const AxisRun& row, std::int64_t i, std::int64_t k, Channels channels) {
        run_tile_row<TK>(d, row, i, g, k, channels, group_src, group_dst);
      };
      if (rows_outside)
        for_each_row([&](const AxisRun& row, std::int64_t i) {
          for_each_part(
              [&](Channels channels) { for_each_tile([&](std::int64_t k) { run_one(row, i, k, channels); }); });
        });
      else
        for_each_part([&](Channels channels) {
          for_each_tile([&](std::int64_t k) {
            for_each_row([&](const AxisRun& row, std::int64_t i) { run_one(row, i, k, channels); });
          });
        });
    }
  }

  static void run(std::int64_t tile_k, const Direction& d, const float* src, float* dst, std::int64_t blocks) noexcept {
    const std::int64_t src_block = d.groups * d.src_channels * d.src_plane;
    const std::int64_t dst_block = d.groups * d.dst_channels * d.dst_plane;
    for (std::int64_t b = 0; b < blocks; ++b, src += src_block, dst += dst_block) switch (tile_k) {
        case 1:
          run_block<1>(d, src, dst);
          break;
        case 2:
          run_block<2>(d, src, dst);
          break;
        case 4:
          run_block<4>(d, src, dst);
          break;
        default:
          run_block<5>(d, src, dst);
          break;
      }
  }

  // One side of a convolution: its image, and a group's channels.
  struct Side {
    std::int64_t channels, h, w;
  };

  static Direction direction(const ConvShape& p, const std::vector<AxisRun>& rows, const std::vector<AxisRun>& columns,
                             Side src, Side dst, const float* packed, std::int64_t packed_size) noexcept {
    Direction d;
    d.rows = rows.data();
    d.columns = columns.data();
    d.row_runs = static_cast<std::int64_t>(rows.size());
    d.column_runs = static_cast<std::int64_t>(columns.size());
    d.src_channels = src.channels;
    d.dst_channels = dst.channels;
    d.groups = p.groups;
    d.src_plane = src.h * src.w * L;
    d.src_width = src.w;
    d.dst_plane = dst.h * dst.w * L;
    d.dst_width = dst.w;
    d.r = p.r;
    d.s = p.s;
    d.packed_group = packed_size / p.groups;
    d.packed = packed;
    d.bias = nullptr;
    d.relu = false;
    return d;
  }

  static void forward(const ConvPlan& plan, const float* src, const float*, const float* packed, const float* bias,
                      bool with_relu, float* dst, std::int64_t blocks) noexcept {
    const ConvShape& p = plan.shape;
    Direction d = direction(p, plan.rows, plan.columns, {p.group_c(), p.h, p.w}, {p.group_k(), p.out_h, p.out_w},
                            packed, plan.packed);
    d.bias = bias;
    d.relu = with_relu;
    run(plan.tile_k, d, src, dst, blocks);
  }

  static void backward_data(const ConvPlan& plan, const float* diff_dst, const float*, const float* packed,
                            float* diff_src, std::int64_t blocks) noexcept {
    const ConvShape& p = plan.shape;
    const Direction d = direction(p, plan.backward_rows, plan.backward_columns, {p.group_k(), p.out_h, p.out_w},
                                  {p.group_c(), p.h, p.w}, packed, plan.packed_backward);
    run(plan.tile_c, d, diff_dst, diff_src, blocks);
  }

  // ---- choice of tiles, packing

  // The tile that wastes least on channels that do not exist; narrow tiles load more for each multiply-add.
  static std::int64_t choose_tile(std::int64_t channels) noexcept {
    constexpr std::int64_t kTiles[] = {4, 5, 2, 1};
    constexpr std::int64_t kCost[] = {100, 101, 115, 160};
    std::int64_t best = 0, best_cost = -1;
    for (int i = 0; i < 4; ++i) {
      const std::int64_t cost = (channels + kTiles[i] - 1) / kTiles[i] * kTiles[i] * kCost[i];
      if (best_cost >= 0 && cost >= best_cost) continue;
      best = kTiles[i];
      best_cost = cost;
    }
    return best;
  }

  static void prepare(ConvPlan& plan) {
    const ConvShape& p = plan.shape;
    plan.tile_k = choose_tile(p.group_k());
    plan.tile_c = choose_tile(p.group_c());
    const auto padded = [](std::int64_t n, std::int64_t tile) { return (n + tile - 1) / tile * tile; };
    plan.packed = p.groups * padded(p.group_k(), plan.tile_k) * p.group_c() * p.r * p.s;
    plan.packed_backward = p.groups * padded(p.group_c(), plan.tile_c) * p.group_k() * p.r * p.s;
    plan.weight_tile = kWeightTile;
    if (!ConvWeightsTransposed<Arch>::suits(p)) return;
    plan.weight_tile = 32;  // each task transposes the input again
    plan.weights_scratch = ConvWeightsTransposed<Arch>::scratch_size(p);
  }

  static void pack(const ConvPlan& plan, const float* weights, float* packed, float* packed_backward) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t window = p.r * p.s, kg = p.group_k(), cg = p.group_c();
    for (std::int64_t g = 0; g < p.groups; ++g) {
      const float* group = weights + g * kg * cg * window;
      // [out tiles][in][R * S][tile] from values at out * out_step + in * in_step + tap.
      const auto fill = [&](float* to, std::int64_t outs, std::int64_t ins, std::int64_t tile, std::int64_t out_step,
                            std::int64_t in_step) {
        for (std::int64_t first = 0; first < outs; first += tile)
          for (std::int64_t i = 0; i < ins; ++i)
            for (std::int64_t t = 0; t < window; ++t)
              for (std::int64_t k = 0; k < tile; ++k, ++to)
                *to = first + k < outs ? group[(first + k) * out_step + i * in_step + t] : 0.0f;
      };
      if (packed != nullptr) fill(packed + g * (plan.packed / p.groups), kg, cg, plan.tile_k, cg * window, window);
      if (packed_backward != nullptr)
        fill(packed_backward + g * (plan.packed_backward / p.groups), cg, kg, plan.tile_c, window, cg * window);
    }
  }
};

}  // namespace hone::simd
