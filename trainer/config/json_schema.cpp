#include "trainer/config/json_schema.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/config/describe_program.hpp"
#include "trainer/config/option.hpp"

namespace hone {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  if (std::floor(value) == value && std::abs(value) <= kMaxSeed) return static_cast<std::int64_t>(value);
  return value;
}

Json with_range(Json schema, const OptionSpec& spec) {
  if (spec.minimum == kAboveZero)
    schema["exclusiveMinimum"] = 0;
  else
    schema["minimum"] = number(spec.minimum);
  schema["maximum"] = number(spec.maximum);
  return schema;
}

Json list_of(Json items, std::size_t least, std::size_t most) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", least}, {"maxItems", most}};
}

Json value_schema(const OptionSpec& spec) {
  const Json integer = with_range({{"type", "integer"}}, spec);
  switch (spec.kind) {
    case OptionKind::boolean:
      return {{"type", "boolean"}};
    case OptionKind::integer:
      return integer;
    case OptionKind::real:
      return with_range({{"type", "number"}}, spec);
    case OptionKind::choice:
      return {{"enum", spec.choices}};
    case OptionKind::pair:
      return {{"anyOf", {integer, list_of(integer, 2, 2)}}};
    case OptionKind::pair_or_choice:
      return {{"anyOf", {Json{{"enum", spec.choices}}, integer, list_of(integer, 2, 2)}}};
    case OptionKind::text:
      return {{"type", "string"}, {"minLength", 1}, {"maxLength", number(spec.maximum)}};
  }
  return {};
}

Json default_of(const OptionSpec& spec) {
  return std::visit([](const auto& value) { return Json(value); }, fallback_value(spec));
}

Json nullable(Json schema) { return {{"anyOf", {std::move(schema), Json{{"type", "null"}}}}}; }

Json option_schema(const OptionSpec& spec) {
  Json schema = spec.optional ? nullable(value_schema(spec)) : value_schema(spec);
  schema["description"] = spec.doc;
  if (!spec.fallback.empty()) {
    Json value = default_of(spec);
    const bool one_number = value.is_array() && value[0] == value[1];
    schema["default"] = one_number ? value[0] : value;
  }
  return schema;
}

Json object(Json properties, const Json& required) {
  Json schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json reference(const Family& family) { return {{"$ref", "#/$defs/" + std::string(family.noun)}}; }

// The options of one component: a map, or its shorthand, or nothing where none is required.
Json options_schema(const ComponentType& type, const Family& family) {
  Json properties = Json::object(), required = Json::array();
  for (const OptionSpec& spec : type.options) {
    properties[std::string(spec.name)] = option_schema(spec);
    if (spec.fallback.empty() && !spec.optional) required.push_back(spec.name);
  }
  if (type.has_layers) {
    properties["layers"] = list_of(reference(family), 1, kMaxComponents);
    required.push_back("layers");
  }
  Json forms = Json::array({object(std::move(properties), required)});
  const OptionSpec* shorthand = shorthand_of(type);
  const bool alone = shorthand != nullptr && (required.empty() || required == Json::array({shorthand->name}));
  if (alone) forms.push_back(value_schema(*shorthand));
  if (required.empty()) forms.push_back({{"type", "null"}});
  return {{"description", type.doc}, {"anyOf", std::move(forms)}};
}

Json family_schema(const Family& family) {
  Json bare = Json::array(), forms = Json::array();
  for (const ComponentType* type : family.types) {
    const std::string name(type->name);
    Json options = options_schema(*type, family);
    if (options["anyOf"].back() == Json{{"type", "null"}}) bare.push_back(name);
    forms.push_back(object({{name, std::move(options)}}, Json::array({name})));
  }
  if (!bare.empty()) forms.insert(forms.begin(), Json{{"enum", std::move(bare)}});
  return {{"description", std::string(family.article) + " " + std::string(family.noun)}, {"oneOf", std::move(forms)}};
}

Json any_scalar() {
  return {{"type", {"string", "number", "boolean"}}, {"minLength", 1}, {"maxLength", number(kMaxNameBytes)}};
}

// The visitor of describe.hpp that makes a section's schema.
class SchemaMaker {
 public:
  template <class T>
  static Json make() {
    SchemaMaker maker;
    T ignored;
    describe(maker, ignored);
    return object(std::move(maker.properties_), maker.required_);
  }

  template <class T>
  void option(const OptionSpec& spec, T&) {
    properties_[std::string(spec.name)] = option_schema(spec);
    if (spec.fallback.empty() && !spec.optional) required_.push_back(spec.name);
  }
  void choices(const Key& key, std::span<const std::string_view> names, std::vector<std::string>&) {
    Json schema = list_of({{"enum", names}}, 0, names.size());
    schema["uniqueItems"] = true;
    schema["default"] = names;
    add(key, std::move(schema));
  }
  void shape(const Key& key, Shape&) {
    add(key, nullable(list_of({{"type", "integer"}, {"minimum", 1}, {"maximum", number(kMaxSide)}}, 3, 3)));
  }
  template <class T>
  void section(const Key& key, T&) {
    add(key, key.required ? make<T>() : nullable(make<T>()));
  }
  template <class T>
  void optional_section(const Key& key, std::optional<T>&) {
    Json schema = nullable(make<T>());
    schema["default"] = nullptr;
    add(key, std::move(schema));
  }
  void component(const Key& key, const Family& family, Component&) { add(key, reference(family)); }
  void components(const Key& key, const Family& family, std::vector<Component>&) {
    add(key, list_of(reference(family), key.required ? 1 : 0, kMaxComponents));
  }
  void texts(const Key& key, std::size_t most, std::vector<std::string>&) {
    add(key, list_of({{"type", "string"}, {"minLength", 1}, {"maxLength", number(kMaxPathBytes)}}, 1, most));
  }
  void scalars(const Key& key, std::size_t most, std::vector<OptionValue>&) {
    Json schema = list_of(any_scalar(), 1, most);
    schema["uniqueItems"] = true;
    add(key, std::move(schema));
  }
  void scalar(const Key& key, std::optional<OptionValue>&) { add(key, nullable(any_scalar())); }
  void parameters(const Key& key, std::vector<Parameter>&) {
    Json named = {{"type", "object"}, {"maxProperties", kMaxParameters}, {"additionalProperties", false}};
    named["patternProperties"]["^[A-Za-z_][A-Za-z0-9_.-]{0," + std::to_string(kMaxParameterNameBytes - 1) + "}$"] = {
        {"oneOf", {make<RangeOf<std::int64_t>>(), make<RangeOf<double>>(), make<Choice>()}}};
    add(key, nullable(std::move(named)));
  }

 private:
  void add(const Key& key, Json schema) {
    schema["description"] = key.doc;
    if (key.required) required_.push_back(key.name);
    properties_[std::string(key.name)] = std::move(schema);
  }

  Json properties_ = Json::object();
  Json required_ = Json::array();
};

Json one_source_of_data() {
  const auto required = [](Json names) { return Json{{"required", std::move(names)}}; };
  const Json dataset = required({"dataset"}), files = required({"format", "path"});
  const Json any_of_files{{"anyOf", {required({"format"}), required({"path"})}}};
  return Json::array({Json{{"required", {"dataset"}}, {"not", any_of_files}},
                      Json{{"required", {"format", "path"}}, {"not", dataset}}});
}

// What stands beside `program`, and what is needed without it.
void add_programs(Json& schema) {
  Json program = SchemaMaker::make<ProgramConfig>()["properties"];
  schema["properties"]["program"] = program["program"];
  Json refused = Json::object();
  for (const auto& [name, ignored] : schema["properties"].items())
    if (!program.contains(name)) refused[name] = false;
  refused["tweak"] = program["tweak"];
  schema["if"] = {{"required", {"program"}}};
  schema["then"] = {{"properties", std::move(refused)}};
  schema["else"] = {{"required", schema["required"]}};
  schema.erase("required");
}

}  // namespace

std::string json_schema() {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "hone config"}};
  schema.update(SchemaMaker::make<Config>());
  schema["properties"]["data"]["oneOf"] = one_source_of_data();
  add_programs(schema);
  for (const Family* family : {&layer_family(), &optimizer_family(), &schedule_family(), &augment_family()})
    schema["$defs"][std::string(family->noun)] = family_schema(*family);
  return schema.dump(2) + "\n";
}

}  // namespace hone
