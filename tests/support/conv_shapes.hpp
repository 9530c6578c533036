// Shapes of convolutions for tests.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "engine/base/rng.hpp"
#include "engine/kernels/shapes.hpp"

namespace hone::test {

inline ConvShape conv_shape(std::int64_t c, std::int64_t h, std::int64_t w, std::int64_t k, std::int64_t r,
                            std::int64_t s, std::int64_t stride = 1, std::int64_t pad = 0, std::int64_t groups = 1) {
  ConvShape shape;
  shape.c = c;
  shape.h = h;
  shape.w = w;
  shape.k = k;
  shape.r = r;
  shape.s = s;
  shape.stride_h = shape.stride_w = stride;
  shape.pad_h = shape.pad_w = pad;
  shape.groups = groups;
  shape.out_h = (h + 2 * pad - r) / stride + 1;
  shape.out_w = (w + 2 * pad - s) / stride + 1;
  return shape;
}

// Of so many random shapes, those that a test tries: HONE_FEWER_SHAPES=10, for emulators, makes it a tenth.
inline int random_shapes(int count) {
  const char* divisor = std::getenv("HONE_FEWER_SHAPES");
  return divisor == nullptr ? count : std::max(1, count / std::max(1, std::atoi(divisor)));
}

// A random number in [low, high].
inline std::int64_t pick(Random& random, std::uint64_t low, std::uint64_t high) {
  return static_cast<std::int64_t>(low + random.below(high - low + 1));
}

// All of a shape but its channels, at random, until the kernel fits the image.
inline ConvShape random_window(Random& random, std::uint64_t widest) {
  while (true) {
    ConvShape shape;
    shape.h = pick(random, 1, 13);
    shape.w = pick(random, 1, widest);
    shape.r = pick(random, 1, 5);
    shape.s = pick(random, 1, 5);
    shape.stride_h = pick(random, 1, 3);
    shape.stride_w = pick(random, 1, 3);
    shape.pad_h = pick(random, 0, 4);
    shape.pad_w = pick(random, 0, 4);
    shape.dilation_h = pick(random, 1, 3);
    shape.dilation_w = pick(random, 1, 3);
    const std::int64_t rows = shape.h + 2 * shape.pad_h - (shape.r - 1) * shape.dilation_h - 1;
    const std::int64_t columns = shape.w + 2 * shape.pad_w - (shape.s - 1) * shape.dilation_w - 1;
    if (rows < 0 || columns < 0) continue;
    shape.out_h = rows / shape.stride_h + 1;
    shape.out_w = columns / shape.stride_w + 1;
    return shape;
  }
}

}  // namespace hone::test
