#include "trainer/config/dump.hpp"

#include <algorithm>

#include "trainer/config/describe.hpp"
#include "trainer/config/option.hpp"
#include "trainer/config/yaml_document.hpp"

namespace hone {
namespace {

const ComponentType& type_of(const Component& component, const Family& family) {
  const ComponentType* type = family.find(component.type);
  if (type == nullptr)
    throw Error(ErrorKind::internal, "no " + std::string(family.noun) + " is named '" + component.type + "'");
  return *type;
}

// "filters: 20", in the order of the table.
std::vector<std::string> option_texts(const Component& component, const ComponentType& type) {
  std::vector<std::string> texts;
  for (const OptionSpec& spec : type.options)
    if (component.has(spec.name))
      texts.push_back(std::string(spec.name) + ": " + yaml_text(component.value(spec.name)));
  return texts;
}

std::string flow(const std::vector<std::string>& parts, const char* open, const char* close) {
  std::string text = open;
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? ", " : "") + parts[i];
  return text + close;
}

void write_components(const std::vector<Component>& list, const Family& family, const std::string& indent,
                      std::string& out) {
  for (const Component& component : list) {
    const ComponentType& type = type_of(component, family);
    const std::vector<std::string> options = option_texts(component, type);
    out += indent + "- " + component.type;
    if (type.has_layers) {
      out += ":\n";
      for (const std::string& option : options) out += indent + "    " + option + "\n";
      out += indent + "    layers:\n";
      write_components(component.layers, family, indent + "      ", out);
    } else {
      out += (options.empty() ? "" : ": " + flow(options, "{", "}")) + "\n";
    }
  }
}

// The visitor of describe.hpp that writes a section: the outermost two levels as blocks, what is below on one line.
class Dumper {
 public:
  explicit Dumper(int level) : level_(level) {}

  template <class T>
  void option(const OptionSpec& spec, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (value.empty()) return;  // the one of dataset and path that is not given
    }
    add(spec.name, text_of(value));
  }
  void choices(const Key& key, std::span<const std::string_view>, const std::vector<std::string>& value) {
    add(key.name, flow(value, "[", "]"));
  }
  void shape(const Key& key, const Shape& value) { add(key.name, value.c > 0 ? to_string(value) : "null"); }
  void component(const Key& key, const Family& family, const Component& value) {
    const std::vector<std::string> options = option_texts(value, type_of(value, family));
    add(key.name, options.empty() ? value.type : "{" + value.type + ": " + flow(options, "{", "}") + "}");
  }
  void components(const Key& key, const Family& family, const std::vector<Component>& value) {
    if (value.empty()) return add(key.name, "[]");
    std::string list;
    write_components(value, family, indent() + "  ", list);
    parts_.push_back(std::string(key.name) + ":\n" + list);
  }
  template <class T>
  void section(const Key& key, T& value) {
    Dumper inner(level_ + 1);
    describe(inner, value);
    if (level_ == 0)
      parts_.push_back(std::string(key.name) + ":\n" + inner.block());
    else
      add(key.name, flow(inner.parts_, "{", "}"));
  }
  template <class T>
  void optional_section(const Key& key, std::optional<T>& value) {
    if (value)
      section(key, *value);
    else
      add(key.name, "null");
  }

  std::string block() const {
    std::string text;
    for (const std::string& part : parts_) text += indent() + part + (part.back() == '\n' ? "" : "\n");
    return text;
  }

 private:
  template <class T>
  static std::string text_of(const T& value) {
    return yaml_text(OptionValue(value));
  }
  template <class T>
  static std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : "null";
  }

  void add(std::string_view key, const std::string& value) { parts_.push_back(std::string(key) + ": " + value); }
  std::string indent() const { return std::string(static_cast<std::size_t>(2 * level_), ' '); }

  int level_;
  std::vector<std::string> parts_;
};

std::string one_line(const YamlNode* node) {
  if (node == nullptr) return "nothing";
  std::vector<std::string> parts;
  switch (node->kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar:
      return node->plain ? node->text : yaml_text(std::string_view(node->text));
    case YamlNode::Kind::sequence:
      for (const YamlNode& item : node->items) parts.push_back(one_line(&item));
      return flow(parts, "[", "]");
    case YamlNode::Kind::map:
      for (const YamlEntry& entry : node->entries) parts.push_back(entry.key + ": " + one_line(&entry.value));
      return flow(parts, "{", "}");
  }
  return "";
}

bool may_change_on_resume(const std::string& key) {
  constexpr std::string_view kSections[] = {"target.", "tweak.", "train.checkpoint."};
  return std::any_of(std::begin(kSections), std::end(kSections),
                     [&](std::string_view section) { return key.rfind(section, 0) == 0; });
}

// Whether two maps are two different components ({conv: ...} and {dense: ...}): then they differ as a whole.
bool are_other_components(const YamlNode& a, const YamlNode& b) {
  return a.entries.size() == 1 && b.entries.size() == 1 && a.entries[0].key != b.entries[0].key;
}

void compare(const YamlNode* a, const YamlNode* b, const std::string& key, std::vector<Difference>& found) {
  const auto below = [&](const std::string& part) { return key.empty() ? part : key + "." + part; };
  if (a != nullptr && b != nullptr && a->kind == b->kind) {
    if (a->kind == YamlNode::Kind::sequence && depth(*a) + depth(*b) > 2) {
      for (std::size_t i = 0; i < std::max(a->items.size(), b->items.size()); ++i)
        compare(i < a->items.size() ? &a->items[i] : nullptr, i < b->items.size() ? &b->items[i] : nullptr,
                below(std::to_string(i)), found);
      return;
    }
    if (a->kind == YamlNode::Kind::map && !are_other_components(*a, *b)) {
      for (const YamlEntry& entry : a->entries) {
        const YamlEntry* other = b->find(entry.key);
        compare(&entry.value, other != nullptr ? &other->value : nullptr, below(entry.key), found);
      }
      for (const YamlEntry& entry : b->entries)
        if (a->find(entry.key) == nullptr) compare(nullptr, &entry.value, below(entry.key), found);
      return;
    }
  }
  std::string before = one_line(a), after = one_line(b);
  if (before != after) found.push_back({key, std::move(before), std::move(after), may_change_on_resume(key)});
}

}  // namespace

std::string to_yaml(const Config& config) {
  Config copy = config;  // visitors take what they may fill
  Dumper dumper(0);
  describe(dumper, copy);
  return dumper.block();
}

std::vector<Difference> differences(const Config& before, const Config& after) {
  const YamlNode a = parse_yaml(to_yaml(before), "before"), b = parse_yaml(to_yaml(after), "after");
  std::vector<Difference> found;
  compare(&a, &b, "", found);
  for (Difference& difference : found)
    if (difference.key == "train.epochs") difference.may_change_on_resume = after.train.epochs > before.train.epochs;
  return found;
}

}  // namespace hone
