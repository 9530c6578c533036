// Reads a config: strict, and before any data is looked at. Every error is an Error(config) whose text is
// `file:line:column: what is wrong; what was expected`, or `--set KEY: ...` for what a --set brought in; for a file
// that is there and can't be read, Error(io).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "trainer/config/config.hpp"
#include "trainer/config/program.hpp"

namespace hone {

// The file at `path`, changed by `sets`: "train.epochs=3", values being YAML.
Config load_config(const std::string& path, std::span<const std::string> sets = {});

// As load_config, of text that is already there: a checkpoint's hone.config. `file` names it in errors, and what is
// relative in it is relative to that file's folder.
Config parse_config(std::string_view text, const std::string& file, std::span<const std::string> sets = {});

// A config that describes a program: with `program` instead of `data`, `model` and `train`.
ProgramConfig load_program(const std::string& path, std::span<const std::string> sets = {});
ProgramConfig parse_program(std::string_view text, const std::string& file, std::span<const std::string> sets = {});

// A config of either kind. One that has neither `model` nor `program`, or both, is an error.
using AnyConfig = std::variant<Config, ProgramConfig>;
AnyConfig load_any_config(const std::string& path, std::span<const std::string> sets = {});

}  // namespace hone
