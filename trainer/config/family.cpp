#include "trainer/config/family.hpp"

#include <algorithm>
#include <string>

#include "engine/data/augment.hpp"
#include "engine/graph/layer_type.hpp"
#include "engine/layers/registry.hpp"
#include "engine/optim/registry.hpp"
#include "trainer/config/option.hpp"
#include "trainer/config/suggest.hpp"

namespace hone {
namespace {

template <class Types>
std::vector<const ComponentType*> list(const Types& types) {
  return {types.begin(), types.end()};
}

std::vector<std::string_view> names(const Family& family) {
  std::vector<std::string_view> all;
  for (const ComponentType* type : family.types) all.push_back(type->name);
  return all;
}

const ComponentType& find_type(const YamlNode& place, std::string_view name, const Family& family) {
  if (const ComponentType* type = family.find(name)) return *type;
  const auto all = names(family);
  throw Error(ErrorKind::config, place.where,
              "unknown " + std::string(family.noun) + " " + in_quotes(name) + "; expected one of " + joined(all) +
                  did_you_mean(name, all));
}

std::vector<std::string_view> option_names(const ComponentType& type) {
  std::vector<std::string_view> all;
  for (const OptionSpec& spec : type.options) all.push_back(spec.name);
  if (type.has_layers) all.push_back("layers");
  return all;
}

// What follows from other options.
void derive_options(Component& component, const ComponentType& type) {
  for (const OptionSpec& spec : type.options) {
    if (!spec.optional || component.has(spec.name)) continue;
    if (spec.name == "bias" && component.has("batch_norm"))
      component.options.emplace(spec.name, !component.boolean("batch_norm"));
    if (spec.name == "stride" && component.has("size")) component.options.emplace(spec.name, component.value("size"));
  }
}

void read_options(const YamlNode& map, const ComponentType& type, const Family& family, Component& component) {
  const std::string name(type.name);
  for (const YamlEntry& entry : map.entries) {
    if (type.has_layers && entry.key == "layers") {
      component.layers = read_components(entry.value, family, name + ".layers");
      continue;
    }
    const auto spec = std::find_if(type.options.begin(), type.options.end(),
                                   [&](const OptionSpec& s) { return s.name == entry.key; });
    if (spec == type.options.end()) {
      const auto all = option_names(type);
      throw Error(ErrorKind::config, entry.where,
                  "unknown key " + in_quotes(entry.key) + " in " + name + "; " +
                      (all.empty() ? name + " takes no options" : "expected one of " + joined(all)) +
                      did_you_mean(entry.key, all));
    }
    if (spec->optional && entry.value.kind == YamlNode::Kind::null) continue;
    component.options.emplace(spec->name, read_option(entry.value, *spec, name + "." + entry.key));
  }
}

// Every option of the type, from a map, a shorthand's value, or nothing.
Component read_value(const YamlNode& value, const Location& where, const ComponentType& type, const Family& family) {
  Component component;
  component.type = type.name;
  component.where = where;
  const std::string name(type.name);
  const OptionSpec* shorthand = shorthand_of(type);
  if (value.kind == YamlNode::Kind::map) {
    read_options(value, type, family, component);
  } else if (value.kind != YamlNode::Kind::null) {
    if (shorthand == nullptr)
      throw Error(ErrorKind::config, value.where,
                  name + " is " + shown(value) + "; expected " +
                      (option_names(type).empty() ? "nothing: it takes no options" : "a map of its options"));
    component.options.emplace(shorthand->name,
                              read_option(value, *shorthand, name + "." + std::string(shorthand->name)));
  }
  for (const OptionSpec& spec : type.options) {
    if (component.has(spec.name) || spec.optional) continue;
    if (spec.fallback.empty())
      throw Error(ErrorKind::config, where,
                  name + " has no '" + std::string(spec.name) + "'; expected " + expected(spec));
    component.options.emplace(spec.name, fallback_value(spec));
  }
  if (type.has_layers && component.layers.empty())
    throw Error(ErrorKind::config, where, name + " has no 'layers'; expected a list of layers");
  derive_options(component, type);
  return component;
}

}  // namespace

const ComponentType* Family::find(std::string_view name) const {
  const auto found = std::find_if(types.begin(), types.end(), [&](const ComponentType* t) { return t->name == name; });
  return found == types.end() ? nullptr : *found;
}

const Family& layer_family() {
  static const Family family{"layer", "a", list(layer_types())};
  return family;
}
const Family& optimizer_family() {
  static const Family family{"optimizer", "an", list(optimizer_types())};
  return family;
}
const Family& schedule_family() {
  static const Family family{"schedule", "a", list(schedule_types())};
  return family;
}
const Family& augment_family() {
  static const Family family{"augmentation", "an", list(augment_types())};
  return family;
}

const OptionSpec* shorthand_of(const ComponentType& type) {
  const auto found =
      std::find_if(type.options.begin(), type.options.end(), [](const OptionSpec& s) { return s.shorthand; });
  return found == type.options.end() ? nullptr : &*found;
}

Component read_component(const YamlNode& node, const Family& family) {
  const std::string one = std::string(family.article) + " " + std::string(family.noun);
  if (node.kind == YamlNode::Kind::scalar) {
    const ComponentType& type = find_type(node, node.text, family);
    return read_value({}, node.where, type, family);
  }
  if (node.kind != YamlNode::Kind::map || node.entries.empty())
    throw Error(ErrorKind::config, node.where,
                one + " is " + (node.kind == YamlNode::Kind::map ? "an empty map" : shown(node)) +
                    "; expected its name, or its name with its options");
  const YamlEntry& entry = node.entries.front();
  YamlNode name;
  name.where = entry.where;
  const ComponentType& type = find_type(name, entry.key, family);
  if (node.entries.size() > 1) {
    const YamlEntry& other = node.entries[1];
    const auto options = option_names(type);
    const bool option = std::find(options.begin(), options.end(), other.key) != options.end();
    throw Error(ErrorKind::config, other.where,
                in_quotes(other.key) + " stands beside " + in_quotes(entry.key) + "; expected one name for " + one +
                    (option ? ": indent its options below it" : ""));
  }
  return read_value(entry.value, entry.where, type, family);
}

std::vector<Component> read_components(const YamlNode& node, const Family& family, std::string_view path) {
  if (node.kind != YamlNode::Kind::sequence)
    throw Error(ErrorKind::config, node.where,
                std::string(path) + " is " + shown(node) + "; expected a list of " + std::string(family.noun) + "s");
  if (node.items.size() > kMaxComponents)
    throw Error(ErrorKind::config, node.where,
                std::string(path) + " has " + std::to_string(node.items.size()) + " items; expected at most " +
                    std::to_string(kMaxComponents));
  std::vector<Component> all;
  for (const YamlNode& item : node.items) all.push_back(read_component(item, family));
  return all;
}

}  // namespace hone
