// A config, and a value for one given on the command line.
#include <string>
#include <vector>

#include "tests/fuzzing/target.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/data.hpp"
#include "trainer/tweak/space.hpp"

namespace hone::fuzzing {
namespace {

constexpr std::string_view kBase =
    "data: {dataset: mnist}\n"
    "model:\n"
    "  layers:\n"
    "    - conv: 4\n"
    "    - residual: {layers: [{conv: {filters: 4, kernel: 3, padding: same}}]}\n"
    "    - dense: 10\n";

// What was taken says the same again once it is written out, and its layers fit one another or are refused.
void check(const Config& config) {
  const Config again = parse_config(to_yaml(config), "again.yaml");
  if (!differences(config, again).empty()) std::abort();
  Config resolved = config;
  resolve_model(resolved);
}

// What was taken has values to begin with, which read back.
void check(const ProgramConfig& config) {
  const Values first = first_values(config);
  if (parse_values(config, format_values(config, first), "first.json") != first) std::abort();
}

}  // namespace

void run_config(Bytes input) {
  expect_taken_or_refused({ErrorKind::config}, [&] { check(parse_config(as_text(input), "fuzz.yaml")); });
  expect_taken_or_refused({ErrorKind::config}, [&] { check(parse_program(as_text(input), "fuzz.yaml")); });
}

// An assignment a line.
void run_set(Bytes input) {
  std::vector<std::string> sets(1);
  for (const char c : as_text(input)) {
    if (c == '\n')
      sets.emplace_back();
    else
      sets.back() += c;
  }
  expect_taken_or_refused({ErrorKind::config}, [&] { check(parse_config(kBase, "fuzz.yaml", sets)); });
}

}  // namespace hone::fuzzing
