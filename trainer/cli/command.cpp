#include "trainer/cli/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <vector>

#include "engine/base/error.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/version.hpp"

namespace hone {

extern const Command kTrain, kEvaluate, kPredict, kGate, kTweak, kSearch, kInspect, kReport, kDatasets, kSchema, kInfo;

namespace {

// A new command: one line here.
constexpr const Command* kCommands[] = {&kTrain,   &kEvaluate, &kPredict,  &kGate,   &kTweak, &kSearch,
                                        &kInspect, &kReport,   &kDatasets, &kSchema, &kInfo};

std::string overview() {
  std::string text =
      fmt::format("hone {}: trains convolutional networks described in YAML\n\nusage: hone COMMAND ...\n\n", kVersion);
  for (const Command* command : kCommands) text += fmt::format("  {:<10} {}\n", command->name, command->doc);
  return text + "\nhone COMMAND --help tells more about one of them.\n";
}

int dispatch(std::span<const std::string> arguments) {
  if (arguments.empty()) throw Error(ErrorKind::usage, "no command is given; see hone --help");
  const std::string& name = arguments[0];
  if (name == "--help" || name == "-h" || name == "help") {
    print(overview());
    return 0;
  }
  if (name == "--version") {
    print(std::string("hone ") + kVersion + "\n");
    return 0;
  }
  const Command* command = find_command(name);
  if (command == nullptr) {
    std::vector<std::string_view> names;
    for (const Command* known : kCommands) names.push_back(known->name);
    throw Error(ErrorKind::usage,
                "unknown command '" + name + "'; expected one of " + joined(names) + did_you_mean(name, names));
  }
  return command->run(arguments.subspan(1));
}

int report(const char* message, int code) noexcept {
  std::fprintf(stderr, "%s\n", message);
  return code;
}

// Ends the program at once, as a kill would: unwinding needs memory itself, also in destructors of libraries, and what
// is on the disk is whole at any moment.
void end_out_of_memory() {
  static std::atomic_flag ending = ATOMIC_FLAG_INIT;
  while (ending.test_and_set()) ::pause();  // another thread says it
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, "out of memory\n", 14);
  ::_exit(static_cast<int>(ErrorKind::internal));
}

}  // namespace

std::span<const Command* const> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const Command* command) { return command->name == name; });
  return found == std::end(kCommands) ? nullptr : *found;
}

int run_program(int argc, char** argv) noexcept {
  std::set_new_handler(end_out_of_memory);
  try {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const int code = dispatch(arguments);
    flush_output();
    return code;
  } catch (const Stopped& stopped) {
    return 128 + stopped.signal;
  } catch (const Error& error) {
    return report(error.what(), error.exit_code());
  } catch (const std::filesystem::filesystem_error& error) {
    return report(error.what(), static_cast<int>(ErrorKind::io));
  } catch (const std::bad_alloc&) {
    return report("out of memory", static_cast<int>(ErrorKind::internal));
  } catch (const std::exception& error) {
    return report(error.what(), static_cast<int>(ErrorKind::internal));
  } catch (...) {
    return report("an unknown error", static_cast<int>(ErrorKind::internal));
  }
}

}  // namespace hone
