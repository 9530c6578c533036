// The page's one style: its content-security policy names it by hash, so it holds nothing of a run.
#pragma once

#include <string_view>

namespace hone {

extern const std::string_view kStyle;

}  // namespace hone
