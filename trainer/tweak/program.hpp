// From the runs of a program so far to the values of its next one: a pure function of its config and those runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/run/metrics_file.hpp"
#include "trainer/tweak/space.hpp"
#include "trainer/tweak/standing.hpp"
#include "trainer/tweak/tweak.hpp"

namespace hone {

struct ProgramTrial {
  Values values;                   // that it was run with
  std::optional<double> accuracy;  // validation_accuracy, else accuracy; unknown where it diverged or gave neither
  bool validated = false;          // it is the former
  Rank rank;                       // by it
};

// What metrics.json says of a run with these values. A program may leave out everything but the status.
ProgramTrial program_trial(Values values, const Metrics& metrics);

// Reads RUN/metrics.json, and the values from RUN.json beside the folder. Throws Error(data) for a run that has not
// ended or that is not as expected.
ProgramTrial read_program_trial(const ProgramConfig& config, const std::filesystem::path& run);

struct ValuesProposal : Step {
  Values values;
};

// The defaults first, then a few runs spread over all values, then steps from the best run: on in the direction that
// helped last, else nearby, the nearer the more such steps have failed. Never what was tried before; nothing where
// every value was.
std::optional<ValuesProposal> next_values(const ProgramConfig& config, const std::vector<ProgramTrial>& trials);

}  // namespace hone
