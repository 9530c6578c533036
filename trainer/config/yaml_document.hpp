// YAML text as a tree of places and texts, with what a config may not hold refused before any of it is built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace hone {

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  bool plain = false;              // a scalar without quotes
  std::string text;                // of a scalar
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map, in the order of the file, keys unique
  Location where;

  const YamlEntry* find(std::string_view key) const;
  YamlEntry* find(std::string_view key);
};

struct YamlEntry {
  std::string key;
  Location where;  // of the key
  YamlNode value;
};

inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
inline constexpr int kMaxYamlDepth = 32;
inline constexpr int kMaxYamlNodes = 100000;

// One document; an empty one is a null node. Throws Error(config) with the place for what is not YAML, is larger or
// deeper than the maxima above, is not UTF-8, or has aliases, anchors, tags, duplicate keys or a second document.
YamlNode parse_yaml(std::string_view text, const std::string& file);

// As parse_yaml, for a value given on the command line: everything in it is at `where`.
YamlNode parse_yaml_value(std::string_view text, const Location& where);

// Levels of lists and maps in a tree; a scalar has none.
int depth(const YamlNode& node);

// A node in an error message, in one line: 12, 'abc', a list, a map, nothing.
std::string shown(const YamlNode& node);

// Text in single quotes for an error message: control characters escaped, shortened where it is long.
std::string in_quotes(std::string_view text);

}  // namespace hone
