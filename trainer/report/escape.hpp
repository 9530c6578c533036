// Texts that come from outside, made harmless: names, comments and reasons may be anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hone {

// one: line ends and tabs become spaces.
enum class Lines { one, many };

// Valid UTF-8 without control characters and without what turns the direction of the text around; each becomes U+FFFD.
std::string clean_text(std::string_view text, Lines lines = Lines::one);

// For HTML and XML, between tags and in quoted attributes: clean, with & < > " ' escaped.
std::string markup_text(std::string_view text, Lines lines = Lines::one);

// At most that many bytes, cut between characters, with an ellipsis where something was cut.
std::string shortened(std::string_view text, std::size_t bytes = 300);

}  // namespace hone
