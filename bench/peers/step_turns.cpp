// bench_turns: a turn with a net that ships for each name of a case on stdin; names are those of bench_step.
//
// Writes a line of JSON for each: {"name", "items_per_second" (images), "peak_share": of the machine, just after it}.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/contestant.hpp"
#include "bench/program.hpp"
#include "bench/step_case.hpp"
#include "engine/base/error.hpp"

namespace hone::bench {
namespace {

// A net and the machine's peak, which take turns.
struct Entrant {
  Entrant(const StepCase& step_case, double seconds)
      : steps(step_case),
        ours(steps.flops(), seconds, [this] { steps.run(); }),
        peak(peak_contestant(kPeakSeconds, step_case.threads)) {}
  Entrant(const Entrant&) = delete;
  Entrant& operator=(const Entrant&) = delete;

  void take_turn(const std::string& name) {
    ours.take_turn();
    peak.take_turn();
    steps.check();
    const double flops = ours.rates().back();
    const nlohmann::ordered_json line{{"name", name},
                                      {"items_per_second", flops / steps.flops() * static_cast<double>(steps.images())},
                                      {"peak_share", flops / peak.rates().back()}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }

  static constexpr double kPeakSeconds = 0.02;
  Steps steps;
  Contestant ours, peak;
};

int take_turns(double seconds) {
  const std::vector<StepCase> cases = step_cases();
  std::map<std::string, std::unique_ptr<Entrant>> entrants;
  for (std::string name; std::getline(std::cin, name);) {
    auto& entrant = entrants[name];
    if (!entrant) {
      const auto found = std::find_if(cases.begin(), cases.end(), [&](const StepCase& c) { return c.name == name; });
      if (found == cases.end())
        throw Error(ErrorKind::usage, "no case '" + name + "'; expected one of bench_step --benchmark_list_tests");
      entrant = std::make_unique<Entrant>(*found, seconds);
    }
    entrant->take_turn(name);
  }
  return 0;
}

}  // namespace
}  // namespace hone::bench

int main(int argc, char** argv) {
  return hone::bench::run_program(argv[0], [&] {
    char* end = nullptr;
    const double seconds = argc == 2 ? std::strtod(argv[1], &end) : 0;
    if (!(seconds > 0) || *end != '\0')
      throw hone::Error(hone::ErrorKind::usage, "expected the seconds of a turn as the only argument");
    return hone::bench::take_turns(seconds);
  });
}
