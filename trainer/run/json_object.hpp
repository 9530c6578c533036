// JSON that somebody else may have written.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace hone {

// To be asked before it is parsed: each bracket that is nested takes some sixty times its size in memory.
bool nested_too_deeply(std::string_view text);

// An object whose names are there once each. Throws Error(data) at `where`.
nlohmann::json parse_json_object(const std::string& text, const Location& where);

}  // namespace hone
