// Runs that have ended, and the one look at the test split that a run which was trained without it gets.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/run/evaluate.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

struct TrainOptions;

// What an evaluation of the test split means for the metrics; nothing: the split is empty, which never meets a target.
// labels: of the classes.
void put_test_score(const std::optional<Evaluation>& evaluation, const std::vector<std::string>& labels, double target,
                    Metrics& metrics);

// "accuracy 98.71 % on the test split (target 98.00 %: met)"
std::string test_line(const Metrics& metrics);

// Of a run that was trained to its end; nothing where it goes on, or where what is there is no metrics.json.
std::optional<Metrics> metrics_of_ended_run(const std::filesystem::path& run);

// True where nobody has looked at the test split yet.
bool untested(const Metrics& metrics);

// Measures best.safetensors of a run that has ended on the test split, holds it against `target` and completes its
// metrics.json. A run that was measured before keeps what it has. Throws Stopped after a signal.
Metrics measure_on_test(const std::filesystem::path& run, double target, const TrainOptions& options);

}  // namespace hone
