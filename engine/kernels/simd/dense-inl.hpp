// Fully connected layers, images innermost. Weights are read as they are, row by row: each is broadcast against a
// vector of images. The weights' gradient has vectors over inputs instead, from the transposed input.
#pragma once

#include "engine/kernels/simd/transpose-inl.hpp"
#include "engine/kernels/simd/vector-inl.hpp"
#include "engine/kernels/table.hpp"

namespace hone::simd {

template <class Arch>
struct Dense {
  using V = Vec<Arch>;
  static constexpr std::int64_t L = kLanes<Arch>;
  static constexpr bool kMany = kRegisters<Arch> >= 32;
  static constexpr int kOutputs = kMany ? 10 : 5;       // by two blocks of images
  static constexpr int kGradientRows = kMany ? 12 : 6;  // by two vectors of inputs

  // Backward, weights that a tile reads are a row of the matrix apart. Where they come from beyond the second cache and
  // enough blocks of images use them, those of kPanel inputs are copied, for kDepth outputs at a time.
  static constexpr std::int64_t kFewestBlocks = 4, kFewestWeights = 1 << 17, kPanel = 20, kDepth = 128;

  // dst[j] = sum over i < depth of weights[j * weight_output + i * weight_step] * src[i], in TB blocks.
  struct TileArgs {
    const float* src;
    std::int64_t src_block;
    const float* weights;
    std::int64_t weight_output, weight_step, depth;
    const float* bias;
    bool relu;
    float* dst;
    std::int64_t dst_block;
    bool accumulate = false;  // start from what dst holds instead of the bias
  };
  using Tile = void (*)(const TileArgs&) noexcept;

  // kAdjacent: weights of neighbouring outputs are neighbours (weight_output is 1).
  template <int TB, int TO, bool kAdjacent>
  [[gnu::noinline]] static void tile(const TileArgs& args) noexcept {
    const TileArgs a = args;  // what is stored can't change it
    V acc[TB][TO];
    if (a.accumulate)
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        unroll<TB>([&](int b) HONE_INLINE_LAMBDA { acc[b][o] = load<Arch>(a.dst + b * a.dst_block + o * L); });
      });
    else
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        const V bias(a.bias != nullptr ? a.bias[o] : 0.0f);
        unroll<TB>([&](int b) HONE_INLINE_LAMBDA { acc[b][o] = bias; });
      });
    const float *src = a.src, *weights = a.weights;
    const std::int64_t output = kAdjacent ? 1 : a.weight_output, step = kAdjacent ? a.weight_step : 1;
    for (std::int64_t i = 0; i < a.depth; ++i, src += L, weights += step) {
      V x[TB];
      unroll<TB>([&](int b) HONE_INLINE_LAMBDA { x[b] = load_pinned<Arch>(src + b * a.src_block); });
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        const V w = broadcast_pinned<Arch>(weights + o * output);
        unroll<TB>([&](int b) HONE_INLINE_LAMBDA { acc[b][o] = fma<Arch>(x[b], w, acc[b][o]); });
      });
    }
    unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
      unroll<TB>([&](int b) HONE_INLINE_LAMBDA {
        store<Arch>(a.dst + b * a.dst_block + o * L, a.relu ? relu<Arch>(acc[b][o]) : acc[b][o]);
      });
    });
  }

  template <int TB, bool kAdjacent, int... O>
  static Tile tile_of(std::int64_t outputs, std::integer_sequence<int, O...>) noexcept {
    static constexpr Tile kTiles[] = {tile<TB, O + 1, kAdjacent>...};
    return kTiles[outputs - 1];
  }

  // A tile's outputs, of all blocks.
  template <bool kAdjacent>
  static void run_tiles(TileArgs a, std::int64_t outputs, std::int64_t blocks) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kOutputs>{};
    std::int64_t b = 0;
    for (; b + 2 <= blocks; b += 2, a.src += 2 * a.src_block, a.dst += 2 * a.dst_block)
      tile_of<2, kAdjacent>(outputs, sequence)(a);
    if (b < blocks) tile_of<1, kAdjacent>(outputs, sequence)(a);
  }

  static void forward(const DenseShape& p, const float* src, const float* weights, const float* bias, bool with_relu,
                      float* dst, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    split_evenly<kOutputs>(end - begin, [&](std::int64_t first, std::int64_t size) {
      const std::int64_t o = begin + first;
      run_tiles<false>({src, p.in * L, weights + o * p.in, p.in, 1, p.in, bias == nullptr ? nullptr : bias + o,
                        with_relu, dst + o * L, p.out * L},
                       size, blocks);
    });
  }

  static void backward_data(const DenseShape& p, const float* diff_dst, const float* weights, float* diff_src,
                            std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    alignas(64) float copy[kDepth * kPanel];
    const bool copies = blocks >= kFewestBlocks && p.in * p.out >= kFewestWeights;
    const std::int64_t depth = copies ? kDepth : p.out;
    split_evenly(end - begin, kPanel, [&](std::int64_t panel, std::int64_t inputs) {
      const float* columns = weights + begin + panel;
      for (std::int64_t o = 0; o < p.out; o += depth) {
        const float *rows = columns + o * p.in, *next = o + depth < p.out ? rows + depth * p.in : columns + inputs;
        TileArgs a;
        a.src = diff_dst + o * L;
        a.src_block = p.out * L;
        a.weight_output = 1;
        a.weight_step = p.in;
        a.depth = p.out - o < depth ? p.out - o : depth;
        a.bias = nullptr;
        a.relu = false;
        a.dst_block = p.in * L;
        a.accumulate = o > 0;
        if (copies) {
          copy_rows(rows, next, p.in, a.depth, inputs, copy);
          a.weight_step = inputs;
        }
        split_evenly<kOutputs>(inputs, [&](std::int64_t first, std::int64_t size) {
          a.weights = (copies ? copy : rows) + first;
          a.dst = diff_src + (begin + panel + first) * L;
          run_tiles<true>(a, size, blocks);
        });
      }
    });
  }

  // to[i][j] = from[i * row + j], j < size. next: what is copied next, prefetched.
  static void copy_rows(const float* from, const float* next, std::int64_t row, std::int64_t rows, std::int64_t size,
                        float* to) noexcept {
    constexpr std::int64_t kLineFloats = 16;
    for (; rows > 0; --rows, from += row, next += row, to += size) {
      for (std::int64_t j = 0; j < size + kLineFloats; j += kLineFloats) __builtin_prefetch(next + j);
      std::int64_t j = 0;
      for (; j + L <= size; j += L) store<Arch>(to + j, load<Arch>(from + j));
      for (; j < size; ++j) to[j] = from[j];
    }
  }

  // The transposed input is [blocks][panels][images of the block][inputs of the panel]: what a tile reads is together.
  static constexpr std::int64_t kPanelInputs = 2 * L;
  // Inputs of the panel that starts at one: the last one may be narrower.
  static std::int64_t panel_inputs(const DenseShape& p, std::int64_t first) noexcept {
    return p.padded_in() - first < kPanelInputs ? p.padded_in() - first : kPanelInputs;
  }

  static void transpose(const DenseShape& p, const float* src, float* transposed, std::int64_t blocks) noexcept {
    for (std::int64_t b = 0; b < blocks; ++b, src += p.in * L, transposed += p.padded_in() * L)
      for (std::int64_t first = 0; first < p.padded_in(); first += kPanelInputs) {
        const std::int64_t inputs = panel_inputs(p, first);
        for (std::int64_t i = first; i < first + inputs; i += L)
          Transpose<Arch>::square(src + i * L, L, p.in - i, transposed + first * L + i - first, inputs);
      }
  }

  // ---- gradient of the weights: TO outputs x TV vectors of inputs, over all images

  struct GradientArgs {
    const float* transposed;  // a panel, of the first block of images
    std::int64_t row;         // of it, an image
    std::int64_t blocks;
    const float* diff;
    std::int64_t transposed_block, diff_block;  // steps from a block of images to the next
    float* dst;
    std::int64_t dst_row, inputs;  // inputs: that exist from here on
  };
  using GradientTile = void (*)(const GradientArgs&) noexcept;

  template <int TO, int TV>
  [[gnu::noinline]] static void gradient_tile(const GradientArgs& args) noexcept {
    const GradientArgs a = args;  // what is stored can't change it
    V acc[TO][TV];
    unroll<TO>([&](int o) HONE_INLINE_LAMBDA { unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[o][v] = V(0.0f); }); });
    if (a.inputs >= TV * L)
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { __builtin_prefetch(a.dst + o * a.dst_row + v * L, 1); });
      });
    const float *panel = a.transposed, *diff = a.diff;
    for (std::int64_t b = 0; b < a.blocks; ++b, panel += a.transposed_block, diff += a.diff_block) {
      const float* x = panel;
      for (std::int64_t l = 0; l < L; ++l, x += a.row) {
        V inputs[TV];
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { inputs[v] = load_pinned<Arch>(x + v * L); });
        unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
          const V d = broadcast_pinned<Arch>(diff + o * L + l);
          unroll<TV>([&](int v) HONE_INLINE_LAMBDA { acc[o][v] = fma<Arch>(inputs[v], d, acc[o][v]); });
        });
      }
    }
    if (a.inputs >= TV * L) {
      unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
        unroll<TV>([&](int v) HONE_INLINE_LAMBDA { store<Arch>(a.dst + o * a.dst_row + v * L, acc[o][v]); });
      });
      return;
    }
    unroll<TO>([&](int o) HONE_INLINE_LAMBDA {
      alignas(64) float row[TV * L];
      unroll<TV>([&](int v) HONE_INLINE_LAMBDA { store<Arch>(row + v * L, acc[o][v]); });
      for (std::int64_t i = 0; i < a.inputs; ++i) a.dst[o * a.dst_row + i] = row[i];
    });
  }

  template <int TV, int... O>
  static GradientTile gradient_tile_of(std::int64_t outputs, std::integer_sequence<int, O...>) noexcept {
    static constexpr GradientTile kTiles[] = {gradient_tile<O + 1, TV>...};
    return kTiles[outputs - 1];
  }

  static void backward_weights(const DenseShape& p, const float* transposed, const float* diff_dst, float* diff_weights,
                               float* diff_bias, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept {
    constexpr auto sequence = std::make_integer_sequence<int, kGradientRows>{};
    GradientArgs a;
    a.blocks = blocks;
    a.transposed_block = p.padded_in() * L;
    a.diff_block = p.out * L;
    a.dst_row = p.in;
    // A panel of all images stays in the first cache.
    for (std::int64_t i = 0; i < p.in; i += kPanelInputs) {
      a.transposed = transposed + i * L;
      a.row = panel_inputs(p, i);
      a.inputs = p.in - i;
      split_evenly<kGradientRows>(end - begin, [&](std::int64_t first, std::int64_t size) {
        a.diff = diff_dst + (begin + first) * L;
        a.dst = diff_weights + (begin + first) * p.in + i;
        // The last vectors of a row may reach beyond its padding only where one is enough.
        if (i + L < p.in)
          gradient_tile_of<2>(size, sequence)(a);
        else
          gradient_tile_of<1>(size, sequence)(a);
      });
    }
    if (diff_bias == nullptr) return;
    for (std::int64_t o = begin; o < end; ++o) {
      V sum(0.0f);
      for (std::int64_t b = 0; b < blocks; ++b) sum += load<Arch>(diff_dst + (b * p.out + o) * L);
      diff_bias[o] = xsimd::hadd(sum);
    }
  }
};

}  // namespace hone::simd
