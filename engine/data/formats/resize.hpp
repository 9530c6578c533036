// Scaling of pictures, with the same result on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/shape.hpp"

namespace hone {

// [H][W][C] bytes of shape `from` to the height and width of `to`, which has as many channels: a triangle filter, as
// wide as a source pixel where the picture grows (bilinear) and as a target pixel where it shrinks (so that nothing is
// skipped); what it would take from outside is left out of the average.
std::vector<std::uint8_t> resize(std::span<const std::uint8_t> pixels, const Shape& from, const Shape& to);

}  // namespace hone
