// JSON that somebody else may have written.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/base/error.hpp"

namespace hone {

// An object whose names are there once each. Throws Error(data) at `where`.
nlohmann::json parse_json_object(const std::string& text, const Location& where);

}  // namespace hone
