// SHA-256 (FIPS 180-4): how a page names the one style that it takes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hone {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);
// With padding.
std::string base64(std::string_view bytes);

}  // namespace hone
