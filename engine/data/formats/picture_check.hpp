// What a picture's bytes must satisfy before stb_image sees them: it takes some cut-off pictures for complete ones, and
// trusts some sizes in them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/shape.hpp"

namespace hone {

// Both give nullptr where all is well, else what is wrong.

// Before the decoder sees any of it: PNG chunks, JPEG tables, PNM numbers.
const char* structure_problem(std::span<const std::uint8_t> encoded);
// Once the header was read, before anything is allocated by it. `shape`: channels, height, width as stored.
const char* size_problem(std::span<const std::uint8_t> encoded, const Shape& shape);

}  // namespace hone
