// Pictures as files: PNG, JPEG, BMP, PGM and PPM, decoded to bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/shape.hpp"

namespace hone {

class File;

// Shape of an encoded picture, from its header: 1 channel for grey ones (with or without alpha), else 3. Throws
// Error(data) naming `name` where it is no picture, or larger than 8,192 pixels a side.
Shape picture_shape(std::span<const std::uint8_t> encoded, const std::string& name);

// [C][H][W] in `shape`: colours become grey or grey becomes colours, alpha is dropped, another size is scaled linearly
// (smoothed where it shrinks; the sides' ratio is not kept). The same bytes on every machine of an ISA.
// Memory: a picture that claims more pixels than its bytes could hold is refused; otherwise it takes at most 6 bytes a
// value (of at most 3 x 8,192 x 8,192), and what scaling it takes.
// `progress`, which may be empty: called now and then while a large picture is decoded; what it throws ends that at
// once.
std::vector<std::uint8_t> decode_picture(std::span<const std::uint8_t> encoded, const Shape& shape,
                                         const std::string& name, const std::function<void()>& progress = {});

// An encoded picture: at most 256 MiB.
std::vector<std::uint8_t> read_picture(File file, const std::function<void()>& progress = {});

}  // namespace hone
