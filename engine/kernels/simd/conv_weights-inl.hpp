// Gradient of a convolution's weights, images innermost: dw[k][c][r][s] = sum over images and pixels of dy[k] x[c, r,
// s]. Both factors are vectors over images. A tile holds TK output channels x TJ pairs (input channel, column tap) of
// one row of taps in registers. It runs over a band of rows that stays in the first cache while all taps are done on
// it; between bands the accumulators, still vectors over images, wait in memory, and only at the end their lanes are
// added up. Where a tap would read padding, its tile leaves these pixels out.
#pragma once

#include "engine/kernels/simd/conv_weights_depthwise-inl.hpp"
#include "engine/kernels/simd/conv_weights_tile-inl.hpp"
#include "engine/kernels/simd/conv_weights_transposed-inl.hpp"
#include "engine/kernels/simd/tap_range-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvWeights {
  using V = Vec<Arch>;
  using Tiles = ConvWeightsTile<Arch>;
  using Pairs = typename Tiles::Pairs;
  using Range = TapRange<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr std::int64_t kAccumulators = Tiles::kMostSums * L;
  static constexpr std::int64_t kMostJobs = 16;  // taps whose accumulators wait at the same time
  // As the second cache holds it: of the output's gradient, what meets all of the input. As the first one does: of rows
  // of all channels of a tile.
  static constexpr std::int64_t kDiffBytes = (Tiles::kMany ? 512 : 256) << 10;
  static constexpr std::int64_t kBandBytes = (Tiles::kMany ? 28 : 20) << 10;

  // How taps become jobs. A job is one row tap r with the pairs (c, s) of a tile. Where all column taps are valid in
  // the same columns, or the tile knows where they are not, a pair's s runs over all of them; else each s is a job of
  // its own and pairs are channels.
  struct Work {
    const ConvShape& p;
    const float *src, *diff;
    float *diff_weights, *diff_bias;  // diff_bias: may be null
    std::int64_t blocks, group;
    bool three;   // tiles of three taps
    bool merged;  // pairs run over column taps, too

    std::int64_t pairs() const noexcept { return p.group_c() * (merged ? p.s : 1); }
    // Of tj pairs in a row, which are of so many channels.
    Pairs kind_of(std::int64_t tj, std::int64_t channels) const noexcept {
      if (three) return Pairs::three;
      if (p.stride_w > 1) return Pairs::any;
      return merged && p.dilation_w == 1 && channels == 1 && tj > 1 ? Pairs::adjacent : Pairs::unit_step;
    }
    std::int64_t jobs() const noexcept { return p.r * (merged ? 1 : p.s); }
    std::int64_t row_tap(std::int64_t job) const noexcept { return merged ? job : job / p.s; }
    std::int64_t column_tap(std::int64_t job, std::int64_t pair) const noexcept {
      return merged ? pair % p.s : job % p.s;
    }
    std::int64_t channel(std::int64_t pair) const noexcept { return merged ? pair / p.s : pair; }
    Range rows(std::int64_t job) const noexcept {
      return Range::of(p.h, p.out_h, p.stride_h, row_tap(job) * p.dilation_h - p.pad_h);
    }
    Range columns(std::int64_t job) const noexcept {
      if (three) return {0, p.out_w};
      return Range::of(p.w, p.out_w, p.stride_w, column_tap(job, 0) * p.dilation_w - p.pad_w);
    }
  };

  static bool same_columns(const ConvShape& p) noexcept {
    const auto columns = [&](std::int64_t s) {
      return Range::of(p.w, p.out_w, p.stride_w, s * p.dilation_w - p.pad_w);
    };
    for (std::int64_t s = 1; s < p.s; ++s)
      if (!(columns(s) == columns(0))) return false;
    return true;
  }

  // A job with what does not change from band to band.
  struct Job {
    Range rows;
    std::int64_t columns, src, diff;          // src, diff: where output row 0 starts
    std::int64_t offsets[Tiles::kMostPairs];  // of the pairs; three taps: of the channels
  };

  // What the tiles of all output channels have in common: pairs [pair, pair + tj), and as many jobs, from `first` on,
  // as accumulators wait for.
  struct Jobs {
    std::int64_t pair, tj, first, count;
    std::int64_t channels;  // that the pairs are of
    Job list[kMostJobs];

    void make(const Work& work) noexcept {
      const std::int64_t rest = work.jobs() - first;
      count = rest < kMostJobs ? rest : kMostJobs;
      channels = work.channel(pair + tj - 1) - work.channel(pair) + 1;
      for (std::int64_t j = 0; j < count; ++j) list[j] = job_of(work, first + j, pair, tj);
    }
  };

  static Job job_of(const Work& work, std::int64_t number, std::int64_t pair, std::int64_t tj) noexcept {
    const ConvShape& p = work.p;
    const Range columns = work.columns(number);
    const std::int64_t row = work.row_tap(number) * p.dilation_h - p.pad_h;
    Job job;
    job.rows = work.rows(number);
    job.columns = columns.size();
    job.src = (row * p.w + columns.first * p.stride_w - p.pad_w) * L;
    job.diff = columns.first * L;
    for (std::int64_t i = 0, end = pair + tj; pair < end; ++i, pair += work.three ? 3 : 1)
      job.offsets[i] = (work.channel(pair) * p.h * p.w + work.column_tap(number, pair) * p.dilation_w) * L;
    return job;
  }

  // Output channels [k, k + tk).
  static void run_tile(const Work& work, const Jobs& jobs, std::int64_t k, std::int64_t tk) noexcept {
    const ConvShape& p = work.p;
    const std::int64_t tj = jobs.tj;
    alignas(64) float sums[kMostJobs * kAccumulators + L * L];
    const auto run = Tiles::tile_of(tk, tj, work.kind_of(tj, jobs.channels));
    typename Tiles::Args a;
    a.lacks_first = work.three && p.pad_w > 0;
    a.lacks_last = work.three && p.out_w + 1 - p.pad_w >= p.w;
    a.diff_plane = p.out_h * p.out_w * L;
    a.src_row = p.stride_h * p.w * L;
    a.diff_row = p.out_w * L;
    a.src_pixel = p.stride_w * L;
    const std::int64_t row_bytes =
        (tk * p.out_w + jobs.channels * p.stride_h * p.w) * L * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t bands = divide_up(p.out_h, kBandBytes > row_bytes ? kBandBytes / row_bytes : 1);
    const std::int64_t band = divide_up(p.out_h, bands);
    prefetch_weights(work, jobs, k, tk);
    // Of an output channel's tiles, the first.
    const bool with_bias = work.diff_bias != nullptr && jobs.pair == 0 && jobs.first == 0;
    V bias[Tiles::kMostOut];
    for (V& sum : bias) sum = V(0.0f);
    for (std::int64_t i = 0; i < L; ++i)
      store<Arch>(sums + (jobs.count * tk * tj + i) * L, V(0.0f));  // lane_sums() reads on
    for (std::int64_t b = 0; b < work.blocks; ++b) {
      const float* src = work.src + (b * p.c + work.group * p.group_c()) * p.h * p.w * L;
      const float* diff = work.diff + (b * p.k + k) * a.diff_plane;
      for (std::int64_t y = 0; y < p.out_h; y += band) {
        for (std::int64_t j = 0; j < jobs.count; ++j) {
          const Job& job = jobs.list[j];
          a.rows = job.rows.within(y, y + band);
          a.accumulate = b + y > 0;
          if (a.accumulate && (a.rows.size() == 0 || job.columns == 0)) continue;
          a.columns = job.columns;
          a.src_offset = job.offsets;
          a.src = src + job.src;
          a.diff = diff + job.diff;
          a.sums = sums + j * tk * tj * L;
          run(a);
        }
        if (with_bias) {  // while the band is in the first cache
          const std::int64_t rows = p.out_h - y < band ? p.out_h - y : band;
          for (std::int64_t i = 0; i < tk; ++i)
            bias[i] += sum_of(diff + i * a.diff_plane + y * a.diff_row, rows * p.out_w);
        }
      }
    }
    store_sums(work, jobs, k, tk, sums);
    if (with_bias)
      for (std::int64_t i = 0; i < tk; ++i) work.diff_bias[k + i] = xsimd::hadd(bias[i]);
  }

  // What store_sums() will write, long before.
  static void prefetch_weights(const Work& work, const Jobs& jobs, std::int64_t k, std::int64_t tk) noexcept {
    constexpr std::int64_t kLine = 16;
    const std::int64_t window = work.p.r * work.p.s, filter = work.p.group_c() * window;
    const float* row = work.diff_weights + k * filter + work.channel(jobs.pair) * window;
    for (std::int64_t i = 0; i < tk; ++i, row += filter)
      for (std::int64_t w = 0; w < jobs.channels * window + kLine; w += kLine) __builtin_prefetch(row + w, 1);
  }

  // Adds up the lanes.
  static void store_sums(const Work& work, const Jobs& jobs, std::int64_t k, std::int64_t tk,
                         const float* sums) noexcept {
    const ConvShape& p = work.p;
    const std::int64_t count = jobs.count, tj = jobs.tj;
    alignas(64) float reduced[kMostJobs * kAccumulators / L + L];
    for (std::int64_t i = 0; i < count * tk * tj; i += L) lane_sums<Arch>(sums + i * L, reduced + i);
    const std::int64_t step = work.merged ? p.s : 1;  // from a job's weights to the next one's
    const std::int64_t filter = p.group_c() * p.r * p.s;
    for (std::int64_t n = 0; n < tj; ++n) {
      const std::int64_t pair = jobs.pair + n;
      float* to = work.diff_weights + k * filter + work.channel(pair) * p.r * p.s + jobs.first * step +
                  (work.merged ? pair % p.s : 0);
      for (std::int64_t i = 0; i < tk; ++i, to += filter)
        for (std::int64_t j = 0; j < count; ++j) to[j * step] = reduced[(j * tk + i) * tj + n];
    }
  }

  // Output channels whose gradient stays in the second cache while the input passes by: some tiles of them.
  static std::int64_t channels_at_a_time(const ConvShape& p, std::int64_t blocks, std::int64_t tile) noexcept {
    const std::int64_t tile_bytes = blocks * p.out_h * p.out_w * tile * L * static_cast<std::int64_t>(sizeof(float));
    return tile_bytes < kDiffBytes ? kDiffBytes / tile_bytes * tile : tile;
  }

  // Output channels [k, k + count) with all pairs: tiles, which threads share. Those of the same pairs follow each
  // other.
  static void share_tiles(const Work& work, std::int64_t k, std::int64_t count, Crew& crew) noexcept {
    const ConvShape& p = work.p;
    const std::int64_t a_step = work.three ? 3 : 1, steps = work.pairs() / a_step;
    const std::int64_t rows = divide_up(count, Tiles::most_out(p));
    const std::int64_t columns = divide_up(steps, work.three ? Tiles::kThreeMostIn : Tiles::kMostPairs);
    // Only where there are fewer than so many are parts cut by output channels, too: each makes its jobs again.
    constexpr std::int64_t kFewColumns = 4;
    const std::int64_t tiles = rows * columns;
    const std::int64_t parts = parts_worth(count * p.group_c() * p.r * p.s * p.out_h * p.out_w * work.blocks,
                                           columns < kFewColumns ? tiles : columns);
    crew.share(parts, [&](std::int64_t part) {
      const std::int64_t end = (part + 1) * tiles / parts;
      for (std::int64_t tile = part * tiles / parts; tile < end;) {
        const std::int64_t column = tile / rows, row = tile % rows;
        const std::int64_t rows_end = end - tile < rows - row ? row + end - tile : rows;
        Jobs jobs;
        jobs.pair = column * steps / columns * a_step;
        jobs.tj = (column + 1) * steps / columns * a_step - jobs.pair;
        for (jobs.first = 0; jobs.first < work.jobs(); jobs.first += kMostJobs) {
          jobs.make(work);
          for (std::int64_t r = row; r < rows_end; ++r)
            run_tile(work, jobs, k + r * count / rows, (r + 1) * count / rows - r * count / rows);
        }
        tile += rows_end - row;
      }
    });
  }

  static void run(const ConvPlan& plan, const float* src, const float* diff, float* diff_weights, float* diff_bias,
                  std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, float* scratch, Crew& crew) noexcept {
    using Transposed = ConvWeightsTransposed<Arch>;
    const ConvShape& p = plan.shape;
    if (ConvWeightsDepthwise<Arch>::suits(p)) {
      const std::int64_t count = k_end - k_begin;
      const std::int64_t parts = parts_worth(count * p.r * p.s * p.out_h * p.out_w * blocks, count);
      crew.share(parts, [&](std::int64_t part) {
        const std::int64_t end = k_begin + (part + 1) * count / parts;
        for (std::int64_t k = k_begin + part * count / parts; k < end; ++k) {
          ConvWeightsDepthwise<Arch>::run(plan, src, diff, diff_weights, blocks, k);
          if (diff_bias != nullptr) sum_bias(p, diff, diff_bias, blocks, k, k + 1);
        }
      });
      return;
    }
    const bool three = Tiles::suits_three(p), merged = three || same_columns(p), transposed = Transposed::suits(p);
    for (std::int64_t k = k_begin; k < k_end;) {
      const std::int64_t group = k / p.group_k(), group_end = (group + 1) * p.group_k();
      const std::int64_t end = group_end < k_end ? group_end : k_end;
      if (transposed) {
        Transposed::run(p, src, diff, diff_weights, blocks, k, end, scratch);
        if (diff_bias != nullptr) sum_bias(p, diff, diff_bias, blocks, k, end);
      } else {
        const Work work{p, src, diff, diff_weights, diff_bias, blocks, group, three, merged};
        split_evenly(end - k, channels_at_a_time(p, blocks, Tiles::most_out(p)),
                     [&](std::int64_t first, std::int64_t count) { share_tiles(work, k + first, count, crew); });
      }
      k = end;
    }
  }

  static void sum_bias(const ConvShape& p, const float* diff, float* diff_bias, std::int64_t blocks,
                       std::int64_t k_begin, std::int64_t k_end) noexcept {
    const std::int64_t pixels = p.out_h * p.out_w;
    for (std::int64_t k = k_begin; k < k_end; ++k) {
      V sum(0.0f);
      for (std::int64_t b = 0; b < blocks; ++b) sum += sum_of(diff + (b * p.k + k) * pixels * L, pixels);
      diff_bias[k] = xsimd::hadd(sum);
    }
  }

  static V sum_of(const float* pixels, std::int64_t count) noexcept {
    V sums[4];
    for (V& sum : sums) sum = V(0.0f);
    std::int64_t i = 0;
    for (; i + 4 <= count; i += 4, pixels += 4 * L)
      unroll<4>([&](int j) HONE_INLINE_LAMBDA { sums[j] += load<Arch>(pixels + j * L); });
    for (; i < count; ++i, pixels += L) sums[0] += load<Arch>(pixels);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
};

}  // namespace hone::simd
