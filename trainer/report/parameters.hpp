// The parameters that a program's trial was given.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

// Names and values of a JSON object, in its order. Error(data) where it is none, or longer than 64 KiB.
std::vector<std::pair<std::string, std::string>> parse_parameters(std::string_view json);

}  // namespace hone
