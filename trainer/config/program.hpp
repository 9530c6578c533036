// A config that describes a program of the user's own instead of a network: what to run, and the parameters that a
// tweak may change. Plain data; its keys stand in describe_program.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/config.hpp"

namespace hone {

enum class ParameterKind { integer, real, choice };

struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::real;
  double low = 0, high = 0;              // of integer (at most 2^53) and real, both ends included
  bool log = false;                      // of integer and real: steps are ratios
  std::vector<OptionValue> values;       // of choice: bool, std::int64_t, double, std::string
  std::optional<OptionValue> preferred;  // the key `default`; std::int64_t, double, or one of values
  Location where;
};

struct ProgramSpec {
  std::vector<std::string> command;   // program and arguments, for no shell
  std::string dataset;                // that it needs, by name; may be empty
  std::vector<Parameter> parameters;  // in the order of the file
  Location where;                     // of the value of dataset
};

struct ProgramTweakConfig {
  std::int64_t trials = 0;
  double minutes = 0;
};

struct ProgramConfig {
  std::string name;
  std::int64_t seed = 0;
  ProgramSpec program;
  TargetConfig target;
  ProgramTweakConfig tweak;

  std::string source;  // the text it was read from, before any --set
  Location where;      // of its first key
};

}  // namespace hone
