// What a tweak knows of a run that has ended. Never anything of the test split.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "trainer/config/config.hpp"
#include "trainer/run/history.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

struct Trial {
  Config config;  // model.input is known
  std::vector<HistoryRow> history;
  RunStatus status = RunStatus::finished;
  std::int64_t validation_images = 0;
};

// Reads config.yaml, history.csv and metrics.json of a run folder. Throws Error(data) for a run that has not ended.
Trial read_trial(const std::filesystem::path& run);

// What candidates are ranked by: the best validation accuracy minus one standard error; without validation images, the
// training accuracy of the last epoch. A run that diverged before its first epoch's end is worth -1.
double rank_value(const Trial& trial);
// Place of the highest rank_value, the earliest on a tie. `trials` is not empty.
std::size_t best_trial(const std::vector<Trial>& trials);

}  // namespace hone
