// Direct convolution, images innermost: forward and the gradient of the input, which are the same tiles
// (conv_tile-inl.hpp) over other axis runs and with other packed weights. Taps on padding are left out: AxisRun says
// which taps the pixels of a tile share. Tiles and packed weights are as conv_planning-inl.hpp has chosen them.
#pragma once

#include "engine/kernels/simd/conv_depthwise-inl.hpp"
#include "engine/kernels/simd/conv_direction-inl.hpp"
#include "engine/kernels/simd/conv_listed-inl.hpp"
#include "engine/kernels/simd/conv_planning-inl.hpp"
#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Conv {
  using Planning = ConvPlanning<Arch>;
  using Tiles = ConvTile<Arch>;
  using TileArgs = typename Tiles::Args;
  using Form = typename Tiles::Form;
  using Direction = ConvDirection<Arch>;
  using Copy = ConvCopy<Arch>;
  using Listed = ConvListed<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;

  // Where tiles compute little on what they load (1x1 kernels, strides), a strip of pixels is done a part of the input
  // channels at a time, which stays in the first cache for all output channels; between parts the sums wait in dst. In
  // place, channels whose distance is a multiple of a page would push each other out: a part of these is copied first.
  static constexpr std::int64_t kPartBytes = 28 << 10, kVectorBytes = L * static_cast<std::int64_t>(sizeof(float));
  static constexpr std::int64_t kPartVectors = kPartBytes / kVectorBytes;
  static constexpr std::int64_t kFewestTaps = 64;            // between the sums' ways to memory and back
  static constexpr std::int64_t kFewestUses = 3;             // tiles that make a copy worth while
  static constexpr std::int64_t kStripsAhead = 2;            // prefetched, where no row follows
  static constexpr int kRounds = kVectorBytes < 64 ? 1 : 2;  // so often: of large vectors some is pushed out again

  // One axis of a strip.
  struct Axis {
    const AxisRun* run;
    std::int64_t src_step;  // from a position to the next
  };

  // Pixels that use the same taps, along a row or along a column, but for those that the first and the last one may
  // lack.
  struct Strip {
    Axis rows, columns;
    bool along_row, lacks_first, lacks_last;
    std::int64_t pixels, dst_step;
    const float* src;  // first pixel, first tap, channel 0 of the group
    float* dst;

    const Axis& along() const noexcept { return along_row ? columns : rows; }
    const Axis& across() const noexcept { return along_row ? rows : columns; }
  };

  // Input channels of a strip that are done at a time, as the first cache holds them; 0: all of them, as the strip is
  // used too little, or a tile computes long enough on what it loads for the second cache to keep up.
  static std::int64_t channels_at_a_time(const Direction& d, const Strip& strip, const Copy& copy,
                                         std::int64_t outputs) noexcept {
    const std::int64_t taps = strip.rows.run->taps * strip.columns.run->taps;
    const std::int64_t held = kPartVectors / copy.vectors();
    const bool keeps_up = taps * strip.pixels * d.tile >= Planning::kEnoughMultiplyAdds * copy.vectors();
    return outputs < kFewestUses * d.tile || keeps_up || held * taps < kFewestTaps ? 0 : held;
  }

  static Form form_of(const TileArgs& a, const AxisRun& column) noexcept {
    if (a.src_pixel_step != L) return Form::any;
    const bool unrolls = kUnrollsTaps<Arch> || a.lacks_first || a.lacks_last;
    return unrolls && a.taps == 3 && a.src_tap_step == L && column.tap_step == 1 ? Form::three : Form::adjacent;
  }

  // Output channels [k_begin, k_end) of a strip.
  static void run_strip(const Direction& d, const Strip& strip, std::int64_t group, std::int64_t k_begin,
                        std::int64_t k_end) noexcept {
    const AxisRun &row = *strip.rows.run, &column = *strip.columns.run, &along = *strip.along().run,
                  &across = *strip.across().run;
    const bool padding_only = row.taps == 0 || column.taps == 0;
    const bool has_all_taps = !strip.lacks_first && !strip.lacks_last;
    TileArgs a;
    a.rows = row.taps;
    a.taps = column.taps;
    a.lacks_first = strip.lacks_first;
    a.lacks_last = strip.lacks_last;
    a.dst_plane = d.dst_plane;
    a.dst_pixel_step = strip.dst_step;
    const auto read_in_place = [&](std::int64_t channel) {
      a.src = strip.src + channel * d.src_plane;
      a.src_plane = d.src_plane;
      a.src_row_step = row.src_tap_step * strip.rows.src_step;
      a.src_tap_step = column.src_tap_step * strip.columns.src_step;
      a.src_pixel_step = along.src_step * strip.along().src_step;
    };

    const Copy copy{{across, 1, strip.across().src_step}, {along, strip.pixels, strip.along().src_step}};
    const std::int64_t part = padding_only ? 0 : channels_at_a_time(d, strip, copy, k_end - k_begin);
    const std::int64_t parts = part == 0 ? 1 : (d.src_channels + part - 1) / part;
    const bool copies = part > 0 && channels_collide<Arch>(d.src_plane, part < d.src_channels ? part : d.src_channels);
    alignas(64) float buffer[kPartVectors * L];
    const auto read_copy = [&] {
      a.src = buffer;
      a.src_plane = copy.plane();
      const std::int64_t along_tap = along.src_tap_step / copy.inner.step * L;
      a.src_row_step = strip.along_row ? copy.outer_step() : along_tap;
      a.src_tap_step = strip.along_row ? along_tap : copy.outer_step();
      a.src_pixel_step = along.src_step / copy.inner.step * L;
    };
    a.copied = buffer;
    a.prefetch_plane = d.src_plane;
    a.prefetch_step = along.src_step * strip.along().src_step;
    // Channels are too far apart for the hardware to see what comes next: what the next strips read, or, where channels
    // are done in parts, what the next part does. (Any earlier, it would be pushed out again.)
    const bool rows_follow = strip.along_row && row.count > 1;
    const std::int64_t strips_ahead = parts > 1 ? 1 : kStripsAhead;
    const std::int64_t ahead = rows_follow ? ((row.taps - 1) * row.src_tap_step + row.src_step) * strip.rows.src_step
                                           : strips_ahead * strip.pixels * a.prefetch_step;
    const float *weights = d.group_weights(group), *bias = d.group_bias(group);
    for (std::int64_t n = 0; n < parts; ++n) {
      const std::int64_t first = n * d.src_channels / parts, end = (n + 1) * d.src_channels / parts;
      read_in_place(first);
      Form form = form_of(a, column);
      if (copies && row.taps * column.taps == 1) {  // by the first tile
        form = Form::copying;
      } else if (copies) {
        copy.fill(a.src, d.src_plane, end - first, strip.lacks_first, strip.lacks_last, buffer);
        read_copy();
        form = form_of(a, column);
      }
      a.channels = padding_only ? 0 : end - first;
      a.accumulate = n > 0;
      a.relu = d.relu && n + 1 == parts;
      const float* next = strip.src + (n + 1 < parts ? end * d.src_plane : ahead);
      // An eighth of the channels a tile.
      const std::int64_t a_tile = a.channels / Tiles::kBurst > 0 ? a.channels / Tiles::kBurst : 1;
      std::int64_t channel = 0;
      int rounds = 0;  // through all channels, of what tiles prefetch
      for (std::int64_t k = k_begin, tk = 0; k < k_end; k += tk) {
        const std::int64_t size = Planning::tile_channels(k, d.dst_channels, d.tile);
        if (size != tk) {  // once, as tiles wait for these
          tk = size;
          a.weights_plane = d.window() * tk;
          a.weights_row_step = row.tap_step * d.s * tk;
          a.weights_tap_step = column.tap_step * tk;
          a.weights_group = tk * d.filter();
        }
        a.prefetch = next + channel * d.src_plane;
        a.weights = weights + k * d.filter() + (first * d.window() + row.tap_first * d.s + column.tap_first) * tk;
        a.bias = bias == nullptr ? nullptr : bias + k;
        a.dst = strip.dst + k * d.dst_plane;
        if (strip.pixels == 1 && has_all_taps && form != Form::copying && k + tk < k_end &&
            Planning::tile_channels(k + tk, d.dst_channels, d.tile) == tk) {
          Tiles::pair_of(tk)(a);
          k += tk;
        } else {
          Tiles::tile_of(tk, strip.pixels, form)(a);
        }
        channel += a_tile;
        if (channel >= a.channels) {
          channel = 0;
          ++rounds;
        }
        if (form == Form::copying) {
          read_copy();
          form = form_of(a, column);
        }
        if (rounds >= kRounds && form == Form::adjacent && row.taps * column.taps == 1) form = Form::prefetched;
      }
    }
  }

  // The pixels of a band of rows [first, first + count) of a run: along rows where they are long, else along columns.
  static void run_band(const Direction& d, const AxisRun& row, std::int64_t first, std::int64_t count,
                       std::int64_t group, std::int64_t k_begin, std::int64_t k_end, const float* src,
                       float* dst) noexcept {
    src += group * d.src_channels * d.src_plane;
    dst += group * d.dst_channels * d.dst_plane;
    Strip strip;
    strip.rows = {&row, d.src_width * L};
    const auto run = [&](std::int64_t i, std::int64_t j, std::int64_t pixels) {
      const AxisRun& column = *strip.columns.run;
      strip.pixels = pixels;
      strip.lacks_first = column.lacks_first && j == 0;
      strip.lacks_last = column.lacks_last && j + pixels == column.count;
      strip.src =
          src +
          ((row.src_first + (first + i) * row.src_step) * d.src_width + column.src_first + j * column.src_step) * L;
      strip.dst =
          dst +
          ((row.out_first + (first + i) * row.out_step) * d.dst_width + column.out_first + j * column.out_step) * L;
      run_strip(d, strip, group, k_begin, k_end);
    };
    for (std::int64_t n = 0; n < d.column_runs; ++n) {
      const AxisRun& column = d.columns[n];
      if (d.listed && Listed::pays(d, column)) {
        Listed::run_band({d, row, column, group, k_begin, k_end, src, dst}, first, count);
        continue;
      }
      strip.columns = {&column, L};
      strip.along_row = d.along_row(column, count);
      strip.dst_step = strip.along_row ? column.out_step * L : row.out_step * d.dst_width * L;
      if (strip.along_row)
        for (std::int64_t i = 0; i < count; ++i)
          split_evenly(column.count, Tiles::most_pixels(d.tile),
                       [&](std::int64_t j, std::int64_t pixels) { run(i, j, pixels); });
      else
        for (std::int64_t j = 0; j < column.count; ++j) run(0, j, count);
    }
  }

  // Outputs of an axis, in all of its runs.
  static std::int64_t outputs_of(const AxisRun* runs, std::int64_t count) noexcept {
    std::int64_t outputs = 0;
    for (std::int64_t n = 0; n < count; ++n) outputs += runs[n].count;
    return outputs;
  }

  // How many outputs of a run are before position `limit` of their axis.
  static std::int64_t outputs_below(const AxisRun& run, std::int64_t limit) noexcept {
    const std::int64_t outputs = (limit - run.out_first + run.out_step - 1) / run.out_step;
    return limit <= run.out_first ? 0 : outputs < run.count ? outputs : run.count;
  }

  // Output channels [k_begin, k_end) of a group in rows [begin, end), counted from the first row that is an output on.
  // With a stride, rows of the gradient of the input are of several runs: those that read the same rows follow each
  // other.
  static void run_rows(const Direction& d, std::int64_t begin, std::int64_t end, std::int64_t group,
                       std::int64_t k_begin, std::int64_t k_end, const float* src, float* dst) noexcept {
    const std::int64_t most = Tiles::most_pixels(d.tile), step = d.rows[0].out_step;
    std::int64_t base = d.rows[0].out_first;
    for (std::int64_t n = 1; n < d.row_runs; ++n) base = d.rows[n].out_first < base ? d.rows[n].out_first : base;
    const std::int64_t window = step > 1 ? most * step : end - begin;
    for (std::int64_t from = begin; from < end; from += window) {
      const std::int64_t to = from + window < end ? from + window : end;
      for (std::int64_t n = 0; n < d.row_runs; ++n) {
        const AxisRun& run = d.rows[n];
        const std::int64_t first = outputs_below(run, base + from), last = outputs_below(run, base + to);
        if (first < last)
          split_evenly(last - first, most, [&](std::int64_t i, std::int64_t rows) {
            run_band(d, run, first + i, rows, group, k_begin, k_end, src, dst);
          });
      }
    }
  }

  // The same for pixels [begin, end) of a single row, all of one run.
  static void run_columns(const Direction& all, std::int64_t begin, std::int64_t end, std::int64_t group,
                          std::int64_t k_begin, std::int64_t k_end, const float* src, float* dst) noexcept {
    Direction d = all;
    AxisRun column = *d.columns;
    column.out_first += begin * column.out_step;
    column.src_first += begin * column.src_step;
    column.lacks_first = column.lacks_first && begin == 0;
    column.lacks_last = column.lacks_last && end == column.count;
    column.count = end - begin;
    d.columns = &column;
    run_rows(d, 0, 1, group, k_begin, k_end, src, dst);
  }

  // Output channels of all groups, of a block of images: threads share groups and rows.
  static void run_channels(const Direction& d, std::int64_t k_begin, std::int64_t k_end, const float* src, float* dst,
                           Crew& crew) noexcept {
    constexpr std::int64_t kFewestRows = 4;  // where the columns at the ends are done along them
    const std::int64_t rows = outputs_of(d.rows, d.row_runs), columns = outputs_of(d.columns, d.column_runs);
    const bool by_columns = rows == 1 && d.column_runs == 1;
    const std::int64_t cut = by_columns ? columns : rows;
    const std::int64_t together = by_columns ? Tiles::most_pixels(d.tile) : d.column_runs > 1 ? kFewestRows : 1;
    const std::int64_t units = cut < together ? 1 : cut / together, all = d.groups * units;  // units: of a group
    const auto begin_of = [&](std::int64_t unit) { return unit == units ? cut : unit * together; };
    const std::int64_t parts = parts_worth(d.groups * (k_end - k_begin) * d.filter() * rows * columns, all);
    crew.share(parts, [&](std::int64_t part) {
      const std::int64_t end = (part + 1) * all / parts;
      for (std::int64_t unit = part * all / parts; unit < end;) {
        const std::int64_t group = unit / units, first = group * units;
        const std::int64_t last = first + units < end ? first + units : end;
        (by_columns ? run_columns : run_rows)(d, begin_of(unit - first), begin_of(last - first), group, k_begin, k_end,
                                              src, dst);
        unit = last;
      }
    });
  }

  // Output channels that are done on one strip after another, from k on: so many that their weights stay in the second
  // cache.
  static std::int64_t channels_end(const Direction& d, std::int64_t k) noexcept {
    constexpr std::int64_t kWeightsAtATime = 1 << 17, kFewestTiles = 4;
    std::int64_t end = k;
    for (std::int64_t tiles = 0;
         end < d.dst_channels && (tiles < kFewestTiles || (end - k) * d.filter() < kWeightsAtATime); ++tiles)
      end += Planning::tile_channels(end, d.dst_channels, d.tile);
    return end;
  }

  static void run_depthwise(const Direction& d, const float* src, float* dst, std::int64_t planes,
                            Crew& crew) noexcept {
    const std::int64_t parts = parts_worth(planes * (d.dst_plane / L) * d.window(), planes);
    crew.share(parts, [&](std::int64_t part) {
      for (std::int64_t i = part * planes / parts; i < (part + 1) * planes / parts; ++i) {
        const std::int64_t c = i % d.groups;
        ConvDepthwise<Arch>::run(d, d.packed + c * d.window(), d.bias == nullptr ? nullptr : d.bias + c,
                                 src + i * d.src_plane, dst + i * d.dst_plane);
      }
    });
  }

  static void run(const Direction& d, const float* src, float* dst, std::int64_t blocks, Crew& crew) noexcept {
    if (d.src_channels == 1 && d.dst_channels == 1) return run_depthwise(d, src, dst, blocks * d.groups, crew);
    const std::int64_t src_block = d.groups * d.src_channels * d.src_plane;
    const std::int64_t dst_block = d.groups * d.dst_channels * d.dst_plane;
    for (std::int64_t b = 0; b < blocks; ++b, src += src_block, dst += dst_block)
      for (std::int64_t k = 0, end = 0; k < d.dst_channels; k = end) {
        end = channels_end(d, k);
        run_channels(d, k, end, src, dst, crew);
      }
  }

  // One side of a convolution: its image, and a group's channels.
  struct Side {
    std::int64_t channels, h, w;
  };

  static Direction direction(const ConvShape& p, const std::vector<AxisRun>& rows, const std::vector<AxisRun>& columns,
                             Side src, Side dst, const float* packed, std::int64_t tile, bool listed) noexcept {
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
    d.tile = tile;
    d.listed = listed;
    d.packed = packed;
    d.bias = nullptr;
    d.relu = false;
    return d;
  }

  static void forward(const ConvPlan& plan, const float* src, const float*, const float* packed, const float* bias,
                      bool with_relu, float* dst, std::int64_t blocks, Crew& crew) noexcept {
    const ConvShape& p = plan.shape;
    Direction d = direction(p, plan.rows, plan.columns, {p.group_c(), p.h, p.w}, {p.group_k(), p.out_h, p.out_w},
                            packed, plan.tile_k, plan.listed);
    d.bias = bias;
    d.relu = with_relu;
    run(d, src, dst, blocks, crew);
  }

  static void backward_data(const ConvPlan& plan, const float* diff_dst, const float*, const float* packed,
                            float* diff_src, std::int64_t blocks, Crew& crew) noexcept {
    const ConvShape& p = plan.shape;
    const Direction d = direction(p, plan.backward_rows, plan.backward_columns, {p.group_k(), p.out_h, p.out_w},
                                  {p.group_c(), p.h, p.w}, packed, plan.tile_c, plan.listed_backward);
    run(d, diff_dst, diff_src, blocks, crew);
  }
};

}  // namespace hone::simd
