// The one look at the test split that a run which was trained without it gets.
#pragma once

#include <filesystem>
#include <optional>

#include "trainer/run/evaluate.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

struct TrainOptions;

// What an evaluation of the test split means for the metrics; nothing: the split is empty, which never meets a target.
void put_test_score(const std::optional<Score>& score, double target, Metrics& metrics);

// Measures best.safetensors of a run that has ended on the test split and completes its metrics.json. A run that has an
// accuracy already keeps it. Throws Stopped after a signal.
Metrics measure_on_test(const std::filesystem::path& run, const TrainOptions& options);

}  // namespace hone
