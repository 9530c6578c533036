// What a picture's bytes must satisfy before stb_image sees them: it takes some cut-off pictures for complete ones, and
// trusts some sizes in them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/shape.hpp"

namespace hone {

// nullptr where the bytes are a complete picture of their format, else what is wrong with them. `shape` is what the
// header says: channels, height, width as stored.
const char* picture_problem(std::span<const std::uint8_t> encoded, const Shape& shape);

}  // namespace hone
