// --set a.b.c=value
#pragma once

#include <string>

#include "trainer/config/yaml_document.hpp"

namespace hone {

// Changes the tree of a config as "KEY=VALUE" says: VALUE is YAML; maps that are missing are created; a list takes an
// index; a component written as its name or as a single value gets its options spelt out first, so that
// `model.layers.0.conv.filters=8` works on `- conv: 20` too. What it brings in has the place "--set KEY".
// Throws Error(config) with that place.
void apply_override(YamlNode& root, const std::string& assignment);

}  // namespace hone
