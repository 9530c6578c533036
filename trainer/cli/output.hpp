// Results, on standard output.
#pragma once

#include <string_view>

namespace hone {

// Error(io) where it can't be written: a result that nobody gets is no success.
void print(std::string_view text);
// Until everything printed has left the process.
void flush_output();

}  // namespace hone
