// A command of the program, and what its arguments have in common. One command a file in this folder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

struct Command {
  std::string_view name;
  std::string_view usage;  // what follows the name: "CONFIG --out RUN [--resume]"
  std::string_view doc;    // one line
  // Exit code of a command that did what it was asked to; problems are thrown.
  int (*run)(std::span<const std::string> arguments);
};

// In the order in which --help lists them. To add one: its file, and its line in command.cpp.
std::span<const Command* const> commands();
const Command* find_command(std::string_view name);

// Runs the program: main's arguments. The only place where exit codes are decided; everything that is wrong becomes one
// line on standard error.
int run_program(int argc, char** argv) noexcept;

inline constexpr int kNotMet = 10;

}  // namespace hone
