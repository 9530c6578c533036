#include "trainer/config/reader.hpp"

namespace hone {

namespace {

bool is_parameter_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && name.size() <= kMaxParameterNameBytes && letter(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

template <class T>
void read_range(Reader reader, Parameter& parameter) {
  RangeOf<T> range;
  reader.read(range);
  parameter.low = static_cast<double>(range.low);
  parameter.high = static_cast<double>(range.high);
  parameter.log = range.log;
  if (range.preferred) parameter.preferred = *range.preferred;
}

Parameter read_parameter(const YamlEntry& entry, const std::string& above) {
  const auto fail = [](const Location& where, const std::string& message) {
    throw Error(ErrorKind::config, where, message);
  };
  if (!is_parameter_name(entry.key))
    fail(entry.where, above + " has the name " + in_quotes(entry.key) +
                          "; expected letters, digits, '_', '-', '.', at most " +
                          std::to_string(kMaxParameterNameBytes) + ", a letter or '_' first");
  const std::string path = above + "." + entry.key;
  if (entry.value.kind != YamlNode::Kind::map)
    fail(entry.value.where, path + " is " + shown(entry.value) + "; expected a map with its type");
  const YamlEntry* type = entry.value.find("type");
  if (type == nullptr) fail(entry.where, path + " has no 'type'; expected one of " + joined(kParameterTypes));
  const OptionSpec spec{
      .name = "type", .kind = OptionKind::choice, .fallback = "", .doc = "", .choices = kParameterTypes};
  const std::string named = std::get<std::string>(read_option(type->value, spec, path + ".type"));
  const auto place = std::find(kParameterTypes.begin(), kParameterTypes.end(), named) - kParameterTypes.begin();

  Parameter parameter;
  parameter.name = entry.key;
  parameter.kind = static_cast<ParameterKind>(place);
  parameter.where = entry.where;
  const Reader reader(&entry.value, path, entry.where);
  if (parameter.kind == ParameterKind::integer) {
    read_range<std::int64_t>(reader, parameter);
  } else if (parameter.kind == ParameterKind::real) {
    read_range<double>(reader, parameter);
  } else {
    Choice choice;
    Reader(reader).read(choice);
    parameter.values = std::move(choice.values);
    parameter.preferred = std::move(choice.preferred);
  }
  return parameter;
}

}  // namespace

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

const std::vector<YamlNode>& Reader::list(const Key& key, std::size_t most, std::string_view of) const {
  const YamlNode* child = find(key.name);
  const std::string expected = "expected a list of " + std::string(of);
  if (child == nullptr) fail(where_, name() + " has no '" + std::string(key.name) + "'; " + expected);
  const std::string path = path_of(key.name);
  if (child->kind != YamlNode::Kind::sequence) fail(child->where, path + " is " + shown(*child) + "; " + expected);
  if (child->items.empty() || child->items.size() > most)
    fail(child->where, path + " has " + std::to_string(child->items.size()) + " items; expected 1 to " +
                           std::to_string(most) + " " + std::string(of));
  return child->items;
}

void Reader::texts(const Key& key, std::size_t most, std::vector<std::string>& value) {
  const OptionSpec spec{
      .name = key.name, .kind = OptionKind::text, .fallback = "", .doc = "", .maximum = kMaxPathBytes};
  value.clear();
  for (const YamlNode& item : list(key, most, "texts"))
    value.push_back(std::get<std::string>(read_option(item, spec, path_of(key.name))));
}

void Reader::scalars(const Key& key, std::size_t most, std::vector<OptionValue>& value) {
  value.clear();
  for (const YamlNode& item : list(key, most, "values")) {
    OptionValue one = read_scalar(item, path_of(key.name), kMaxNameBytes);
    if (std::find(value.begin(), value.end(), one) != value.end())
      fail(item.where, path_of(key.name) + " has " + shown(item) + " twice; expected it once");
    value.push_back(std::move(one));
  }
}

void Reader::scalar(const Key& key, std::optional<OptionValue>& value) {
  const YamlNode* child = find(key.name);
  if (child != nullptr && child->kind != YamlNode::Kind::null)
    value = read_scalar(*child, path_of(key.name), kMaxNameBytes);
}

void Reader::parameters(const Key& key, std::vector<Parameter>& value) {
  const YamlNode* child = find(key.name);
  value.clear();
  if (child == nullptr || child->kind == YamlNode::Kind::null) return;
  const std::string path = path_of(key.name);
  if (child->kind != YamlNode::Kind::map)
    fail(child->where, path + " is " + shown(*child) + "; expected a map of names to parameters");
  if (child->entries.size() > kMaxParameters)
    fail(child->where, path + " has " + std::to_string(child->entries.size()) + " parameters; expected at most " +
                           std::to_string(kMaxParameters));
  for (const YamlEntry& entry : child->entries) value.push_back(read_parameter(entry, path));
}

}  // namespace hone
