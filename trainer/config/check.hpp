// What no single key can tell: options that need each other, and paths.
#pragma once

#include "trainer/config/program.hpp"

namespace hone {

// Throws Error(config) at the place of the first thing that does not fit.
void check(const Config& config);
void check(const ProgramConfig& config);

}  // namespace hone
