// Where a value lives: shapes.hpp describes the layout.
#pragma once

#include <cstdint>

namespace hone::ref {

// Of lane 0 of channel c, row h, column w in block b of a tensor of C x H x W images.
template <std::int64_t L>
constexpr std::int64_t index(std::int64_t b, std::int64_t c, std::int64_t h, std::int64_t w, std::int64_t channels,
                             std::int64_t height, std::int64_t width) {
  return (((b * channels + c) * height + h) * width + w) * L;
}

}  // namespace hone::ref
