// Direct convolution whose tiles read the terms of their sums from a list, made once for many strips of a band of rows.
// A tile as in conv_tile-inl.hpp spends a part of its time between its loops over channels, rows and taps: much of it
// where sums have few terms, as in first layers. A band is done a tile of output channels at a time, which writes along
// rows. With AVX2, which gains by it in general, longer sums are done a part of the input channels at a time, and rows
// of two, three or five taps in one go.
#pragma once

#include <cstdint>

#include "engine/kernels/simd/conv_direction-inl.hpp"
#include "engine/kernels/simd/conv_listed_tile-inl.hpp"
#include "engine/kernels/simd/conv_planning-inl.hpp"
#include "engine/kernels/simd/conv_tile-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct ConvListed {
  using Tiles = ConvTile<Arch>;
  using Strips = ConvListedTile<Arch>;
  using Planning = ConvPlanning<Arch>;
  using Direction = ConvDirection<Arch>;
  using Copy = ConvCopy<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr int kMostTerms = Planning::kMostTerms;
  static constexpr std::int64_t kLineFloats = Strips::kLineFloats;
  // What the tiles of all output channels read, one after another, stays in the second cache: of a part of the input
  // channels, in a copy where these would push each other out, or come from beyond that cache: read once, along rows.
  static constexpr std::int64_t kWindowBytes = 128 << 10;
  static constexpr std::int64_t kWindowVectors = kWindowBytes / (L * static_cast<std::int64_t>(sizeof(float)));
  static constexpr std::int64_t kFewestUses = 3;  // tiles that make a copy worth while
  static constexpr std::int64_t kSecondCacheBytes = 512 << 10;

  // Whether so many outputs of a band share a list that making it costs little. (A single row comes in parts as threads
  // share it, which must not change how it is added up.)
  static bool pays(const Direction& d, const AxisRun& column) noexcept {
    constexpr std::int64_t kFewestTiles = 8;  // of a row
    return d.dst_plane == d.dst_width * L || column.count * d.dst_channels >= kFewestTiles * d.tile;
  }

  // What is asked for: output channels [k_begin, k_end) of a group. src, dst: the group's first channel.
  struct Band {
    const Direction& d;
    const AxisRun &row, &column;
    std::int64_t group, k_begin, k_end;
    const float* src;
    float* dst;
  };

  // What is done at a time: rows [row, row + rows), columns [column, column + columns) of a band's runs, by `channels`
  // input channels from `channel` on.
  struct Chunk {
    std::int64_t row, column, rows, columns, channel, channels;
  };

  static Copy window(const Band& b, std::int64_t rows, std::int64_t columns) noexcept {
    return {{b.row, rows, b.d.src_width * L}, {b.column, columns, L}};
  }

  static void run_chunk(const Band& b, const Chunk& chunk) noexcept {
    const Direction& d = b.d;
    const std::int64_t src_width = d.src_width * L, dst_width = d.dst_width * L;
    const bool lacks_first = b.column.lacks_first && chunk.column == 0;
    const bool lacks_last = b.column.lacks_last && chunk.column + chunk.columns == b.column.count;
    const float* src = b.src + chunk.channel * d.src_plane +
                       (b.row.src_first + chunk.row * b.row.src_step) * src_width +
                       (b.column.src_first + chunk.column * b.column.src_step) * L;
    float* dst = b.dst + (b.row.out_first + chunk.row * b.row.out_step) * dst_width +
                 (b.column.out_first + chunk.column * b.column.out_step) * L;
    // Of what is read: values from a channel, an output, a tap to the next.
    std::int64_t plane = d.src_plane, row_step = b.row.src_step * src_width, column_step = b.column.src_step * L;
    std::int64_t row_tap = b.row.src_tap_step * src_width, column_tap = b.column.src_tap_step * L;
    const Copy copy = window(b, chunk.rows, chunk.columns);
    alignas(64) float buffer[kWindowVectors * L];
    const bool used_enough = b.k_end - b.k_begin >= kFewestUses * d.tile;
    const bool is_far = d.src_channels * plane * static_cast<std::int64_t>(sizeof(float)) > kSecondCacheBytes;
    if (used_enough && (is_far || channels_collide<Arch>(plane, 2 * chunk.channels)) &&
        chunk.channels * copy.vectors() <= kWindowVectors) {
      copy.fill(src, plane, chunk.channels, lacks_first, lacks_last, buffer);
      src = buffer;
      plane = copy.plane();
      row_step = b.row.src_step / copy.outer.step * copy.outer_step();
      row_tap = b.row.src_tap_step / copy.outer.step * copy.outer_step();
      column_step = b.column.src_step / copy.inner.step * L;
      column_tap = b.column.src_tap_step / copy.inner.step * L;
    }
    const bool along_row = d.along_row(b.column, chunk.rows);
    typename Strips::Terms terms;
    typename Strips::Args a;
    a.terms = &terms;
    a.accumulate = chunk.channel > 0;
    a.relu = d.relu && chunk.channel + chunk.channels == d.src_channels;
    a.lacks_first = lacks_first;
    a.lacks_last = lacks_last;
    a.src_pixel_step = along_row ? column_step : row_step;
    a.dst_pixel_step = along_row ? b.column.out_step * L : b.row.out_step * dst_width;
    a.dst_plane = d.dst_plane;
    const std::int64_t src_step = along_row ? row_step : column_step;
    const std::int64_t dst_step = along_row ? b.row.out_step * dst_width : b.column.out_step * L;
    const float *weights = d.group_weights(b.group), *bias = d.group_bias(b.group);
    const std::int64_t along = along_row ? chunk.columns : chunk.rows, across = along_row ? chunk.rows : chunk.columns;
    const std::int64_t most = Tiles::most_pixels(d.tile), strips = divide_up(along, most);
    for (std::int64_t k = b.k_begin, tk = 0, last = 0; k < b.k_end;) {
      tk = Planning::tile_channels(k, d.dst_channels, d.tile);
      if (tk != last)
        terms.make(b.row, b.column, chunk.channels, {plane, row_tap, column_tap}, {d.window() * tk, d.s * tk, tk});
      last = tk;
      a.weights = weights + k * d.filter() + chunk.channel * d.window() * tk;
      a.weights_group = tk * d.filter();
      a.bias = bias == nullptr ? nullptr : bias + k;
      float* to = dst + k * d.dst_plane;
      const bool pair = along == 1 && k + tk < b.k_end && Planning::tile_channels(k + tk, d.dst_channels, d.tile) == tk;
      k += pair ? 2 * tk : tk;
      const float* next_weights = weights + k * d.filter() + chunk.channel * d.window() * tk;
      a.next_lines =
          k < b.k_end ? divide_up(divide_up(chunk.channels * d.window() * tk, kLineFloats), across * strips) : 0;
      for (std::int64_t i = 0; i < across; ++i) {
        a.src = src + i * src_step;
        a.dst = to + i * dst_step;
        a.next_weights = next_weights + i * strips * a.next_lines * kLineFloats;
        if (pair) {
          a.strips = 1;
          Strips::pair_of(tk)(a);
        } else {
          Strips::run(a, tk, along, most);
        }
      }
    }
  }

  // Rows [first, first + count) of a band: so much at a time that the second cache holds what is read.
  static void run_band(const Band& b, std::int64_t first, std::int64_t count) noexcept {
    const std::int64_t most = Tiles::most_pixels(b.d.tile);
    // Where output channels are many, and with them the weights of a part, shorter sums were faster.
    constexpr std::int64_t kManyOutputs = 96, kFewerTerms = 160 < kMostTerms ? 160 : kMostTerms;
    const std::int64_t most_terms = b.d.dst_channels >= kManyOutputs ? kFewerTerms : kMostTerms;
    const std::int64_t taps = b.row.taps * b.column.taps, most_channels = most_terms / (taps > 0 ? taps : 1);
    const std::int64_t channels = divide_up(b.d.src_channels, divide_up(b.d.src_channels, most_channels));
    // Rows that are long stay so: each of a window's rows is a way of its own through memory.
    std::int64_t rows = count, columns = b.column.count, cuts = 1;
    while (channels * window(b, rows, columns).vectors() > kWindowVectors && rows * columns > most)
      if (columns > 4 * most || rows == 1)
        columns = divide_up(divide_up(b.column.count, ++cuts), most) * most;
      else
        rows = divide_up(rows, 2);
    const auto at_most = [](std::int64_t left, std::int64_t limit) { return left < limit ? left : limit; };
    for (std::int64_t i = 0; i < count; i += rows)
      for (std::int64_t j = 0; j < b.column.count; j += columns)
        for (std::int64_t c = 0; c < b.d.src_channels; c += channels)
          run_chunk(b, {first + i, j, at_most(count - i, rows), at_most(b.column.count - j, columns), c,
                        at_most(b.d.src_channels - c, channels)});
  }
};

}  // namespace hone::simd
