// The visitor of describe.hpp that fills a section from its YAML map.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/describe_program.hpp"
#include "trainer/config/option.hpp"
#include "trainer/config/suggest.hpp"

namespace hone {

// Collects the names of a section's keys.
class KeyNames {
 public:
  std::vector<std::string_view> names;

  template <class T>
  void option(const OptionSpec& spec, T&) {
    names.push_back(spec.name);
  }
  void choices(const Key& key, std::span<const std::string_view>, std::vector<std::string>&) { add(key); }
  void shape(const Key& key, Shape&) { add(key); }
  template <class T>
  void section(const Key& key, T&) {
    add(key);
  }
  template <class T>
  void optional_section(const Key& key, std::optional<T>&) {
    add(key);
  }
  void component(const Key& key, const Family&, Component&) { add(key); }
  void components(const Key& key, const Family&, std::vector<Component>&) { add(key); }
  void texts(const Key& key, std::size_t, std::vector<std::string>&) { add(key); }
  void scalars(const Key& key, std::size_t, std::vector<OptionValue>&) { add(key); }
  void scalar(const Key& key, std::optional<OptionValue>&) { add(key); }
  void parameters(const Key& key, std::vector<Parameter>&) { add(key); }

 private:
  void add(const Key& key) { names.push_back(key.name); }
};

class Reader {
 public:
  // node: the section's map, or null where the section is left out: then every key has its default.
  // path: names the section in errors, "train"; empty for the whole config.
  Reader(const YamlNode* node, std::string path, Location where)
      : node_(node != nullptr && node->kind == YamlNode::Kind::map ? node : nullptr),
        path_(std::move(path)),
        where_(std::move(where)) {
    if (node != nullptr && node->kind != YamlNode::Kind::map && node->kind != YamlNode::Kind::null)
      fail(node->where, name() + " is " + shown(*node) + "; expected a map");
  }

  // Fills `value`, a section's struct, after refusing keys that it does not have.
  template <class T>
  void read(T& value) {
    if constexpr (requires { value.where; }) value.where = where_;
    KeyNames known;
    T ignored;
    describe(known, ignored);
    if (node_ != nullptr)
      for (const YamlEntry& entry : node_->entries)
        if (std::find(known.names.begin(), known.names.end(), entry.key) == known.names.end())
          fail(entry.where, "unknown key " + in_quotes(entry.key) + " in " + name() + "; expected one of " +
                                joined(known.names) + did_you_mean(entry.key, known.names));
    describe(*this, value);
  }

  template <class T>
  void option(const OptionSpec& spec, T& value) {
    const YamlNode* child = find(spec.name);
    if (spec.optional && child != nullptr && child->kind == YamlNode::Kind::null) child = nullptr;
    if (child != nullptr)
      assign(read_option(*child, spec, path_of(spec.name)), value);
    else if (!spec.fallback.empty())
      assign(fallback_value(spec), value);
    else if (!spec.optional)
      fail(where_, name() + " has no '" + std::string(spec.name) + "'; expected " + expected(spec));
  }

  void choices(const Key& key, std::span<const std::string_view> all, std::vector<std::string>& value);
  void shape(const Key& key, Shape& value);
  void component(const Key& key, const Family& family, Component& value);
  void components(const Key& key, const Family& family, std::vector<Component>& value);
  void texts(const Key& key, std::size_t most, std::vector<std::string>& value);
  void scalars(const Key& key, std::size_t most, std::vector<OptionValue>& value);
  void scalar(const Key& key, std::optional<OptionValue>& value);
  void parameters(const Key& key, std::vector<Parameter>& value);

  template <class T>
  void section(const Key& key, T& value) {
    const YamlEntry* entry = node_ != nullptr ? node_->find(key.name) : nullptr;
    if (key.required && (entry == nullptr || entry->value.kind == YamlNode::Kind::null))
      fail(entry != nullptr ? entry->where : where_,
           name() + " has no '" + std::string(key.name) + "'; expected a map: " + std::string(key.doc));
    Reader(entry != nullptr ? &entry->value : nullptr, path_of(key.name), entry != nullptr ? entry->where : where_)
        .read(value);
  }

  template <class T>
  void optional_section(const Key& key, std::optional<T>& value) {
    const YamlNode* child = find(key.name);
    if (child != nullptr && child->kind != YamlNode::Kind::null) section(key, value.emplace());
  }

 private:
  [[noreturn]] static void fail(const Location& where, const std::string& message) {
    throw Error(ErrorKind::config, where, message);
  }

  const YamlNode* find(std::string_view key) const {
    const YamlEntry* entry = node_ != nullptr ? node_->find(key) : nullptr;
    return entry != nullptr ? &entry->value : nullptr;
  }
  // The items of a list of 1 to `most`; `of` names them in errors.
  const std::vector<YamlNode>& list(const Key& key, std::size_t most, std::string_view of) const;
  std::string path_of(std::string_view key) const { return (path_.empty() ? "" : path_ + ".") + std::string(key); }
  std::string name() const { return path_.empty() ? "the config" : path_; }

  template <class T>
  static void assign(OptionValue from, T& to) {
    to = std::get<T>(std::move(from));
  }
  template <class T>
  static void assign(OptionValue from, std::optional<T>& to) {
    to = std::get<T>(std::move(from));
  }

  const YamlNode* node_;
  std::string path_;
  Location where_;
};

}  // namespace hone
