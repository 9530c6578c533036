#include "trainer/config/reader.hpp"

namespace hone {

void Reader::choices(const Key& key, std::span<const std::string_view> all, std::vector<std::string>& value) {
  const YamlNode* child = find(key.name);
  value.clear();
  if (child == nullptr) {
    value.assign(all.begin(), all.end());
    return;
  }
  const std::string path = path_of(key.name);
  if (child->kind != YamlNode::Kind::sequence)
    fail(child->where, path + " is " + shown(*child) + "; expected a list of " + joined(all));
  for (const YamlNode& item : child->items) {
    const OptionSpec spec{.name = key.name, .kind = OptionKind::choice, .fallback = "", .doc = "", .choices = all};
    std::string word = std::get<std::string>(read_option(item, spec, path));
    if (std::find(value.begin(), value.end(), word) != value.end())
      fail(item.where, path + " has '" + word + "' twice; expected it once");
    value.push_back(std::move(word));
  }
}

void Reader::shape(const Key& key, Shape& value) {
  const YamlNode* child = find(key.name);
  if (child == nullptr || child->kind == YamlNode::Kind::null) return;
  const std::string path = path_of(key.name);
  if (child->kind != YamlNode::Kind::sequence || child->items.size() != 3)
    fail(child->where, path + " is " + (child->kind == YamlNode::Kind::sequence ? "not three numbers" : shown(*child)) +
                           "; expected [C, H, W]");
  const auto side = [&](std::size_t i) {
    const OptionSpec spec{
        .name = key.name, .kind = OptionKind::integer, .fallback = "", .doc = "", .minimum = 1, .maximum = kMaxSide};
    return std::get<std::int64_t>(read_option(child->items[i], spec, path));
  };
  value = {side(0), side(1), side(2)};
}

void Reader::component(const Key& key, const Family& family, Component& value) {
  const YamlNode* child = find(key.name);
  value = read_component(child != nullptr ? *child : parse_yaml_value(key.fallback, where_), family);
}

void Reader::components(const Key& key, const Family& family, std::vector<Component>& value) {
  const YamlNode* child = find(key.name);
  const std::string path = path_of(key.name);
  value.clear();
  if (child != nullptr) value = read_components(*child, family, path);
  if (key.required && value.empty())
    fail(child != nullptr ? child->where : where_,
         (child != nullptr ? path + " is empty" : name() + " has no '" + std::string(key.name) + "'") +
             "; expected a list of " + std::string(family.noun) + "s");
}

}  // namespace hone
