// Every layer that a config can name.
#pragma once

#include <span>
#include <string_view>

#include "engine/base/component.hpp"

namespace hone {

struct LayerType;  // engine/graph/layer_type.hpp

// All layers, in the order in which documentation lists them.
std::span<const LayerType* const> layer_types();
// nullptr where there is none of that name.
const LayerType* find_layer_type(std::string_view name);

}  // namespace hone
