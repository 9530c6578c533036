// The values that the parameters of a program can have: as shares of their range, as a JSON object, and back.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "trainer/config/program.hpp"

namespace hone {

// One value a parameter, in the order of the config.
using Values = std::vector<OptionValue>;

// What is tried first: the default, else the middle of the range (of its logarithm), else the first choice.
OptionValue first_value(const Parameter& parameter);
Values first_values(const ProgramConfig& config);

// From a share of the range in [0, 1] to a value: equal shares for each integer and choice; reals are rounded to what
// is worth telling apart. Always within bounds.
OptionValue value_at(const Parameter& parameter, double share);
// The middle of the shares that give this value.
double share_of(const Parameter& parameter, const OptionValue& value);

// How many values there are; of a real that is not fixed, kRealLevels.
inline constexpr std::uint64_t kRealLevels = 4096;
std::uint64_t count_of(const Parameter& parameter);
OptionValue nth_value(const Parameter& parameter, std::uint64_t n);

nlohmann::ordered_json to_json(const OptionValue& value);
// "0.01", "relu"
std::string text_of(const OptionValue& value);

// {"learning_rate": 0.01, "filters": 8}
std::string format_values(const ProgramConfig& config, const Values& values);
// Strict: every parameter, within bounds, and nothing else. Throws Error(data) naming `file`.
Values parse_values(const ProgramConfig& config, const std::string& text, const std::string& file);

}  // namespace hone
