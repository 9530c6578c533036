// Families of components: layers, optimizers, schedules, augmentations. A config names one of a family and its options.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/base/component.hpp"
#include "trainer/config/yaml_document.hpp"

namespace hone {

struct Family {
  std::string_view noun;     // "layer"
  std::string_view article;  // "a"
  std::vector<const ComponentType*> types;

  const ComponentType* find(std::string_view name) const;
};

const Family& layer_family();
const Family& optimizer_family();
const Family& schedule_family();
const Family& augment_family();

// The option that a single value stands for (`dense: 10`), or nullptr.
const OptionSpec* shorthand_of(const ComponentType& type);

// `name`, `name:`, `name: value` or `name: {option: value}`. Throws Error(config) with the place of what is wrong.
Component read_component(const YamlNode& node, const Family& family);

// A list of them; `path` names it in errors.
std::vector<Component> read_components(const YamlNode& node, const Family& family, std::string_view path);

inline constexpr std::size_t kMaxComponents = 1000;  // in one list

}  // namespace hone
