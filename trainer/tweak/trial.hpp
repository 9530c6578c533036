// What a tweak knows of a run that has ended. Never anything of the test split.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "trainer/config/config.hpp"
#include "trainer/run/history.hpp"
#include "trainer/run/metrics_file.hpp"
#include "trainer/tweak/standing.hpp"

namespace hone {

struct Trial {
  Config config;  // model.input is known
  std::vector<HistoryRow> history;
  RunStatus status = RunStatus::finished;
  std::int64_t validation_images = 0;
};

// Reads config.yaml, history.csv and metrics.json of a run folder. Throws Error(data) for a run that has not ended.
Trial read_trial(const std::filesystem::path& run);

// The best validation accuracy minus one standard error; without validation images, the training accuracy of the last
// epoch. A run that diverged before its first epoch's end is worth -1.
Rank rank_of(const Trial& trial);
std::vector<Rank> ranks_of(const std::vector<Trial>& trials);
// `accuracy` minus one standard error of what was measured on that many images.
double cautious(double accuracy, std::int64_t images);

}  // namespace hone
