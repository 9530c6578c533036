#include "trainer/config/override.hpp"

#include <algorithm>
#include <charconv>

#include "trainer/config/family.hpp"

namespace hone {
namespace {

using Path = std::vector<std::string>;

Path split(const std::string& key, const Location& where) {
  Path path(1);
  for (const char c : key) {
    if (c == '.')
      path.emplace_back();
    else
      path.back() += c;
  }
  if (std::any_of(path.begin(), path.end(), [](const std::string& part) { return part.empty(); }))
    throw Error(ErrorKind::config, where, "the key has an empty part; expected KEY=VALUE, KEY like train.epochs");
  if (path.size() > static_cast<std::size_t>(kMaxYamlDepth))
    throw Error(ErrorKind::config, where, "nested more than " + std::to_string(kMaxYamlDepth) + " deep; expected less");
  return path;
}

// The family that a component at this path, or one nested in it, belongs to.
const Family* family_of(const Path& path) {
  if (path[0] == "model") return &layer_family();
  if (path.size() < 2) return nullptr;
  if (path[0] == "train" && path[1] == "optimizer") return &optimizer_family();
  if (path[0] == "train" && path[1] == "schedule") return &schedule_family();
  if (path[0] == "data" && path[1] == "augment") return &augment_family();
  return nullptr;
}

void make_map(YamlNode& node, std::string key, YamlNode value, const Location& where) {
  YamlNode map;
  map.kind = YamlNode::Kind::map;
  map.where = where;
  map.entries.push_back({std::move(key), value.where, std::move(value)});
  node = std::move(map);
}

bool is_index(const std::string& part) {
  return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `- conv` becomes {conv: null}, the 20 of `conv: 20` becomes {filters: 20}, where path[i] is about to be looked up.
void expand_component(YamlNode& node, const Path& path, std::size_t i) {
  const Family* family = family_of(path);
  if (family == nullptr || i == 0) return;
  const ComponentType* owner = family->find(path[i - 1]);
  const OptionSpec* shorthand = owner != nullptr ? shorthand_of(*owner) : nullptr;
  const bool value = node.kind == YamlNode::Kind::scalar || node.kind == YamlNode::Kind::sequence;
  if (shorthand != nullptr && value && !is_index(path[i])) {
    make_map(node, std::string(shorthand->name), node, node.where);
  } else if (node.kind == YamlNode::Kind::scalar && family->find(node.text) != nullptr) {
    YamlNode nothing;
    nothing.where = node.where;
    make_map(node, node.text, nothing, node.where);
  }
}

YamlNode& item(YamlNode& list, const Path& path, std::size_t i, const Location& where) {
  const std::string& part = path[i];
  std::size_t index = 0;
  const auto end = part.data() + part.size();
  const auto read = std::from_chars(part.data(), end, index);
  if (read.ec == std::errc() && read.ptr == end && index < list.items.size()) return list.items[index];
  throw Error(ErrorKind::config, where,
              in_quotes(part) + " is no item of the list; expected " +
                  (list.items.empty() ? "a list that is not empty"
                                      : "an index from 0 to " + std::to_string(list.items.size() - 1)));
}

YamlNode& descend(YamlNode& node, const Path& path, std::size_t i, const Location& where) {
  expand_component(node, path, i);
  if (node.kind == YamlNode::Kind::sequence) return item(node, path, i, where);
  if (node.kind == YamlNode::Kind::scalar) {
    std::string above;
    for (std::size_t k = 0; k < i; ++k) above += (k > 0 ? "." : "") + path[k];
    throw Error(ErrorKind::config, where, above + " is " + shown(node) + "; expected a map or a list");
  }
  if (node.kind == YamlNode::Kind::null) {
    node.kind = YamlNode::Kind::map;
    node.where = where;
  }
  if (YamlEntry* entry = node.find(path[i])) return entry->value;
  node.entries.push_back({path[i], where, {}});
  node.entries.back().value.where = where;
  return node.entries.back().value;
}

}  // namespace

void apply_override(YamlNode& root, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string key = assignment.substr(0, equals);
  const std::string named = in_quotes(key);
  const Location where{"--set " + named.substr(1, named.size() - 2), 0, 0};
  if (equals == std::string::npos) throw Error(ErrorKind::config, where, "no value; expected KEY=VALUE");
  const Path path = split(key, where);
  YamlNode value = parse_yaml_value(std::string_view(assignment).substr(equals + 1), where);

  YamlNode* node = &root;
  for (std::size_t i = 0; i < path.size(); ++i) node = &descend(*node, path, i, where);
  *node = std::move(value);
  node->where = where;
  if (depth(root) > kMaxYamlDepth)
    throw Error(ErrorKind::config, where, "nested more than " + std::to_string(kMaxYamlDepth) + " deep; expected less");
}

}  // namespace hone
