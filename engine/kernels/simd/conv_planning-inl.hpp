// Plans a direct convolution, images innermost: how its outputs fall into runs and tiles, and the order of its packed
// weights: [groups][channel tiles][input channels][R][S][channels of the tile], backward with the last tap first.
#pragma once

#include <limits>

#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/simd/conv_weights_tile-inl.hpp"
#include "engine/kernels/simd/conv_weights_transposed-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvPlanning {
  using Tiles = ConvTile<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  // Output channels of the tile that starts at channel k, of those of a group: the last two tiles share what is left.
  static std::int64_t tile_channels(std::int64_t k, std::int64_t channels, std::int64_t most) noexcept {
    const std::int64_t rest = channels - k;
    return rest >= 2 * most ? most : rest > most ? (rest + 1) / 2 : rest;
  }

  // What a channel's tap costs a tile, in tenths of a multiply-add: at least the latency of one; the loop; pixels and
  // weights that come from the second cache.
  static constexpr std::int64_t tap_cost(std::int64_t pixels, std::int64_t tk) noexcept {
    return 10 * (pixels * tk > 8 ? pixels * tk : 8) + 20 + 3 * tk + 6 * pixels;
  }

  // Cost of a row of outputs by tiles of at most `most` channels, one tile of tk channels. Runs of a few pixels are
  // done along columns, mostly.
  static std::int64_t row_cost(const std::vector<AxisRun>& columns, std::int64_t tk, std::int64_t most) noexcept {
    constexpr std::int64_t kAlongColumn = 4;
    const std::int64_t most_pixels = Tiles::most_pixels(most);
    std::int64_t cost = 0;
    for (const AxisRun& run : columns) {
      if (run.count < kAlongColumn) {
        const std::int64_t pixels = most_pixels < kAlongColumn ? most_pixels : kAlongColumn;
        cost += run.count * tap_cost(pixels, tk) / pixels;
        continue;
      }
      const std::int64_t tiles = (run.count + most_pixels - 1) / most_pixels;
      const std::int64_t larger = run.count % tiles, pixels = run.count / tiles;
      cost += larger * tap_cost(pixels + 1, tk) + (tiles - larger) * tap_cost(pixels, tk);
    }
    return cost;
  }

  static std::int64_t row_cost_of_all(const std::vector<AxisRun>& columns, std::int64_t channels,
                                      std::int64_t most) noexcept {
    std::int64_t cost = 0;
    for (std::int64_t k = 0, tk = 0; k < channels; k += tk) {
      tk = tile_channels(k, channels, most);
      cost += row_cost(columns, tk, most);
    }
    return cost;
  }

  // Output channels a tile. With a single tap, or few terms in a sum, what it reads and writes counts for more: rather
  // pixels, which are next to each other, than channels.
  static std::int64_t choose_tile(const std::vector<AxisRun>& columns, std::int64_t channels, std::int64_t taps,
                                  std::int64_t src_channels) noexcept {
    constexpr std::int64_t kFewTerms = 32;
    const bool few = taps == 1 || taps * src_channels <= kFewTerms;
    std::int64_t best = 1;
    for (const std::int64_t most : {2, 4, few ? 4 : Tiles::kMostChannels})
      if (row_cost_of_all(columns, channels, most) <= row_cost_of_all(columns, channels, best)) best = most;
    return best;
  }

  // For each vector that is read: then the second cache keeps up with a tile.
  static constexpr std::int64_t kEnoughMultiplyAdds = 9;

  // Terms of a list (conv_listed-inl.hpp). Where a tile does three taps of a row at once, it takes long enough with
  // fewer terms, and longer sums need no list.
  static constexpr bool kListsParts = !kUnrollsTaps<Arch>;
  static constexpr int kMostTerms = kListsParts ? 224 : 64;

  // Whether a direction's tiles read their terms from a list: not kernels of one tap and many channels, of input or
  // output, which compute too little on what they load for each tile, nor large ones, which compute so much that their
  // tiles may go through all channels at once.
  static bool lists(const ConvShape& p, const std::vector<AxisRun>& columns, std::int64_t src_channels,
                    std::int64_t src_pixels, std::int64_t tile) noexcept {
    constexpr std::int64_t kMostOfOneTap = kListsParts ? 32 : 0, kMostWeights = 3072;
    const std::int64_t window = p.r * p.s, channels = p.group_c() * p.group_k(), pixels = Tiles::most_pixels(tile);
    const std::int64_t values = src_channels * src_pixels * L;  // places of terms are 32 bits
    if (channels == 1 || window > kMostTerms || columns.empty() || values > std::numeric_limits<std::int32_t>::max() ||
        (window == 1 && (src_channels > kMostOfOneTap || channels > kMostWeights)))
      return false;
    if (src_channels * window <= kMostTerms) return true;
    const std::int64_t vectors = p.r * ((pixels - 1) * columns.front().src_step + p.s);
    return kListsParts && window * pixels * tile < kEnoughMultiplyAdds * vectors;
  }

  // The image of a 1x1 convolution is a single row of pixels.
  static void flatten(const ConvShape& p, ConvPlan& plan) {
    if (p.r * p.s != 1 || p.stride_h * p.stride_w != 1 || p.out_h != p.h || p.out_w != p.w) return;
    AxisRun row, column;
    row.count = row.taps = column.taps = 1;
    column.count = p.h * p.w;
    plan.rows = plan.backward_rows = {row};
    plan.columns = plan.backward_columns = {column};
  }

  static void prepare(ConvPlan& plan) {
    const ConvShape& p = plan.shape;
    flatten(p, plan);
    if (p.group_c() > 1 || p.group_k() > 1) {
      join_ends(plan.columns);
      join_ends(plan.backward_columns);
    }
    plan.tile_k = choose_tile(plan.columns, p.group_k(), p.r * p.s, p.group_c());
    plan.tile_c = choose_tile(plan.backward_columns, p.group_c(), p.r * p.s, p.group_k());
    plan.listed = lists(p, plan.columns, p.group_c(), p.h * p.w, plan.tile_k);
    plan.listed_backward = lists(p, plan.backward_columns, p.group_k(), p.out_h * p.out_w, plan.tile_c);
    plan.packed = plan.packed_backward = p.weights();
    plan.weight_tile = ConvWeightsTile<Arch>::most_out(p);
    if (!ConvWeightsTransposed<Arch>::suits(p)) return;
    plan.weight_tile = 32;  // each task transposes the input again
    plan.weights_scratch = ConvWeightsTransposed<Arch>::scratch_size(p);
  }

  static void pack(const ConvPlan& plan, const float* weights, float* packed, float* packed_backward) noexcept {
    const ConvShape& p = plan.shape;
    const std::int64_t window = p.r * p.s, kg = p.group_k(), cg = p.group_c();
    for (std::int64_t g = 0; g < p.groups; ++g) {
      const float* group = weights + g * kg * cg * window;
      // [out tiles][in][R * S][tile] from values at out * out_step + in * in_step + tap, or the kernel turned round.
      const auto fill = [&](float* to, std::int64_t outs, std::int64_t ins, std::int64_t tile, std::int64_t out_step,
                            std::int64_t in_step, bool turned) {
        for (std::int64_t first = 0, size = 0; first < outs; first += size) {
          size = tile_channels(first, outs, tile);
          for (std::int64_t i = 0; i < ins; ++i)
            for (std::int64_t t = 0; t < window; ++t)
              for (std::int64_t k = first; k < first + size; ++k)
                *to++ = group[k * out_step + i * in_step + (turned ? window - 1 - t : t)];
        }
      };
      const std::int64_t at = g * kg * cg * window;
      if (packed != nullptr) fill(packed + at, kg, cg, plan.tile_k, cg * window, window, false);
      if (packed_backward != nullptr) fill(packed_backward + at, cg, kg, plan.tile_c, window, cg * window, true);
    }
  }
};

}  // namespace hone::simd
