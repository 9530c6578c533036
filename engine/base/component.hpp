// A named thing with options, as a config describes it: a layer, an optimizer, a schedule, an augmentation.
// The thing declares its options once, in a table; the config loader, the JSON schema, the dump of every default and
// the documentation are all made from that table.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/error.hpp"

namespace hone {

// n or [h, w]: a size for rows and columns.
using Pair = std::array<std::int64_t, 2>;
using OptionValue = std::variant<bool, std::int64_t, double, std::string, Pair>;

enum class OptionKind {
  boolean,
  integer,         // within [minimum, maximum]
  real,            // finite, within [minimum, maximum]
  choice,          // one of choices
  pair,            // an integer n, or [h, w]; each within [minimum, maximum]. Held as Pair
  pair_or_choice,  // one of choices (held as std::string), or as pair
  text             // any text of at most maximum bytes
};

// As an option's minimum: any number greater than 0.
inline constexpr double kAboveZero = std::numeric_limits<double>::min();

struct OptionSpec {
  std::string_view name;
  OptionKind kind;
  // YAML text of the value used when the key is absent: "1", "valid", "false". Empty: the key must be given, unless
  // optional is set, in which case an absent key stays absent.
  std::string_view fallback;
  std::string_view doc;
  double minimum = 0;
  double maximum = 0;
  std::span<const std::string_view> choices = {};
  // `- dense: 10` means `- dense: {units: 10}`: at most one option of a component is its shorthand.
  bool shorthand = false;
  bool optional = false;
};

// What a kind of layer, optimizer ... declares about itself.
struct ComponentType {
  std::string_view name;
  std::string_view doc;
  std::span<const OptionSpec> options;
  bool has_layers = false;  // takes `layers: [...]`, a list of components of its own kind
};

// One of them, as configured. Every option with a fallback is present.
struct Component {
  std::string type;
  std::map<std::string, OptionValue, std::less<>> options;
  std::vector<Component> layers;  // of residual and repeat
  Location where;                 // for errors that only shape inference can find

  bool has(std::string_view name) const { return options.find(name) != options.end(); }
  bool boolean(std::string_view name) const { return get<bool>(name); }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  double real(std::string_view name) const { return get<double>(name); }
  const std::string& choice(std::string_view name) const { return get<std::string>(name); }
  Pair pair(std::string_view name) const { return get<Pair>(name); }
  const OptionValue& value(std::string_view name) const {
    const auto found = options.find(name);
    if (found == options.end())
      throw Error(ErrorKind::internal, where, type + " has no option '" + std::string(name) + "'");
    return found->second;
  }

 private:
  template <class T>
  const T& get(std::string_view name) const {
    const T* held = std::get_if<T>(&value(name));
    if (held == nullptr)
      throw Error(ErrorKind::internal, where, type + "." + std::string(name) + " is of another type");
    return *held;
  }
};

}  // namespace hone
