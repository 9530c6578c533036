// Every optimizer and every learning-rate schedule that a config can name.
#pragma once

#include <span>
#include <string_view>

#include "engine/base/component.hpp"

namespace hone {

// In the order in which documentation lists them.
std::span<const ComponentType* const> optimizer_types();
std::span<const ComponentType* const> schedule_types();

// nullptr where there is none of that name.
const ComponentType* find_optimizer_type(std::string_view name);
const ComponentType* find_schedule_type(std::string_view name);

}  // namespace hone
