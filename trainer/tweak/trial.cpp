#include "trainer/tweak/trial.hpp"

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "trainer/config/loader.hpp"

namespace hone {
namespace {

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} << 20;

}  // namespace

Trial read_trial(const std::filesystem::path& run) {
  Trial trial;
  const Metrics metrics = read_metrics(run / "metrics.json");
  if (metrics.status == RunStatus::interrupted)
    throw Error(ErrorKind::data, Location{(run / "metrics.json").string()},
                "the run was interrupted; expected one that has ended (--resume)");
  trial.status = metrics.status;
  trial.validation_images = metrics.validation_images.value_or(0);
  const std::filesystem::path config = run / "config.yaml";
  const InputRules rules{.missing = ErrorKind::data, .follow_links = false};
  trial.config = parse_config(read_file(config, kMaxConfigBytes, rules), config.string());
  if (std::filesystem::exists(run / "history.csv")) trial.history = read_history(run / "history.csv");
  return trial;
}

double cautious(double accuracy, std::int64_t images) {
  return accuracy - std::sqrt(accuracy * (1 - accuracy) / static_cast<double>(std::max<std::int64_t>(images, 1)));
}

Rank rank_of(const Trial& trial) {
  double best = -1;
  for (const HistoryRow& row : trial.history)
    if (row.validation_accuracy) best = std::max(best, *row.validation_accuracy);
  if (best >= 0) return {cautious(best, trial.validation_images), true};
  return {trial.history.empty() ? -1 : trial.history.back().train_accuracy.value_or(-1), false};
}

std::vector<Rank> ranks_of(const std::vector<Trial>& trials) {
  std::vector<Rank> ranks;
  ranks.reserve(trials.size());
  for (const Trial& trial : trials) ranks.push_back(rank_of(trial));
  return ranks;
}

}  // namespace hone
