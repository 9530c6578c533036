#include "trainer/tweak/space.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/config/option.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/run/json_object.hpp"

namespace hone {
namespace {

using nlohmann::ordered_json;

// Four digits of a ratio; of a range, its ten-thousandth part.
double rounded(double value, const Parameter& parameter) {
  const int decimals =
      parameter.log
          ? 3
          : static_cast<int>(std::clamp(4 - std::floor(std::log10(parameter.high - parameter.low)), 0.0, 17.0));
  std::array<char, 64> digits;
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    parameter.log ? std::chars_format::scientific : std::chars_format::fixed, decimals);
  double shortened = value;
  std::from_chars(digits.data(), written.ptr, shortened);
  return std::clamp(shortened + 0.0, parameter.low, parameter.high);
}

// Integers are the middles of shares: the range goes half a unit beyond them.
double low_end(const Parameter& p) { return p.low - (p.kind == ParameterKind::integer ? 0.5 : 0); }
double high_end(const Parameter& p) { return p.high + (p.kind == ParameterKind::integer ? 0.5 : 0); }

double number_of(const OptionValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

// To JSON's own comparison 1 and 1.0 are the same.
bool same_type(const ordered_json& given, const OptionValue& value) {
  return given.is_boolean() == std::holds_alternative<bool>(value) &&
         given.is_number_integer() == std::holds_alternative<std::int64_t>(value) &&
         given.is_string() == std::holds_alternative<std::string>(value);
}

OptionValue read_value(const Parameter& parameter, const ordered_json& given, const Location& where) {
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorKind::data, where, parameter.name + ": expected " + expected);
  };
  if (parameter.kind == ParameterKind::choice) {
    for (const OptionValue& value : parameter.values)
      if (same_type(given, value) && to_json(value) == given) return value;
    refuse("one of its values");
  }
  const bool whole = parameter.kind == ParameterKind::integer;
  const bool fits = (whole ? given.is_number_integer() : given.is_number()) && given.get<double>() >= parameter.low &&
                    given.get<double>() <= parameter.high;
  if (!fits)
    refuse((whole ? "an integer from " : "a number from ") + yaml_text(parameter.low) + " to " +
           yaml_text(parameter.high));
  if (whole) return given.get<std::int64_t>();
  return given.get<double>();
}

}  // namespace

OptionValue first_value(const Parameter& parameter) {
  if (parameter.preferred) return *parameter.preferred;
  return parameter.kind == ParameterKind::choice ? parameter.values.front() : value_at(parameter, 0.5);
}

Values first_values(const ProgramConfig& config) {
  Values values;
  for (const Parameter& parameter : config.program.parameters) values.push_back(first_value(parameter));
  return values;
}

OptionValue value_at(const Parameter& parameter, double share) {
  share = std::clamp(share, 0.0, 1.0);
  if (parameter.kind == ParameterKind::choice) {
    const std::size_t last = parameter.values.size() - 1;
    return parameter.values[std::min(static_cast<std::size_t>(share * static_cast<double>(last + 1)), last)];
  }
  if (parameter.low == parameter.high) return nth_value(parameter, 0);
  const double low = low_end(parameter), high = high_end(parameter);
  const double value =
      parameter.log ? std::exp(std::log(low) + share * (std::log(high) - std::log(low))) : low + share * (high - low);
  if (parameter.kind == ParameterKind::real) return rounded(value, parameter);
  return static_cast<std::int64_t>(std::clamp(std::round(value), parameter.low, parameter.high));
}

double share_of(const Parameter& parameter, const OptionValue& value) {
  if (parameter.kind == ParameterKind::choice) {
    const auto place = std::find(parameter.values.begin(), parameter.values.end(), value) - parameter.values.begin();
    return (static_cast<double>(place) + 0.5) / static_cast<double>(parameter.values.size());
  }
  if (parameter.low == parameter.high) return 0.5;
  const double low = low_end(parameter), high = high_end(parameter), at = number_of(value);
  return parameter.log ? (std::log(at) - std::log(low)) / (std::log(high) - std::log(low)) : (at - low) / (high - low);
}

std::uint64_t count_of(const Parameter& parameter) {
  if (parameter.kind == ParameterKind::choice) return parameter.values.size();
  if (parameter.kind == ParameterKind::integer) return static_cast<std::uint64_t>(parameter.high - parameter.low) + 1;
  return parameter.low < parameter.high ? kRealLevels : 1;
}

OptionValue nth_value(const Parameter& parameter, std::uint64_t n) {
  if (parameter.kind == ParameterKind::choice) return parameter.values[n];
  if (parameter.kind == ParameterKind::integer)
    return static_cast<std::int64_t>(parameter.low) + static_cast<std::int64_t>(n);
  if (parameter.low == parameter.high) return parameter.low;
  return value_at(parameter, (static_cast<double>(n) + 0.5) / static_cast<double>(kRealLevels));
}

ordered_json to_json(const OptionValue& value) {
  return std::visit([](const auto& held) { return ordered_json(held); }, value);
}

std::string text_of(const OptionValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : yaml_text(value);
}

std::string format_values(const ProgramConfig& config, const Values& values) {
  ordered_json object = ordered_json::object();
  for (std::size_t i = 0; i < values.size(); ++i) object[config.program.parameters[i].name] = to_json(values[i]);
  return object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Values parse_values(const ProgramConfig& config, const std::string& text, const std::string& file) {
  const Location where{file};
  const nlohmann::json object = parse_json_object(text, where);
  const auto& parameters = config.program.parameters;
  std::vector<std::string_view> names;
  names.reserve(parameters.size());
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  for (const auto& [name, ignored] : object.items())
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(ErrorKind::data, where,
                  in_quotes(name) + " is no parameter of the program; expected " +
                      (names.empty() ? "none" : joined(names)) + did_you_mean(name, names));
  Values values;
  for (const Parameter& parameter : parameters) {
    const auto found = object.find(parameter.name);
    if (found == object.end()) throw Error(ErrorKind::data, where, "has no value of " + parameter.name);
    values.push_back(read_value(parameter, *found, where));
  }
  return values;
}

}  // namespace hone
