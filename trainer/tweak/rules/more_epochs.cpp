// The last epoch still brought something: train for longer.
#include <fmt/format.h>

#include <algorithm>

#include "trainer/run/progress.hpp"
#include "trainer/tweak/tweak.hpp"

namespace hone {

namespace {

constexpr std::int64_t kMostEpochs = 200;

std::vector<Candidate> propose(const Diagnosis& d) {
  const std::int64_t epochs = d.base.config.train.epochs;
  if (!d.allows("epochs") || d.diverged || d.base.history.empty() || 2 * epochs > kMostEpochs) return {};
  Candidate candidate{d.base.config, 0.1, fmt::format("epochs {} -> {}", epochs, 2 * epochs), {}};
  candidate.config.train.epochs = 2 * epochs;
  if (d.base.status == RunStatus::early_stopped) {
    candidate.weight = 0.05;
    candidate.reason = "little else is left to try, although training stopped early";
  } else if (d.best_is_last) {
    // Another epoch like the last one would close this share of what is missing.
    const double missing = std::max(d.target - d.accuracy, 0.001);
    candidate.weight = std::max(0.7 * std::min(d.last_gain / missing, 1.0), 0.2);
    candidate.reason =
        fmt::format("the last epoch still gained {} and {} are missing", percent(d.last_gain), percent(missing));
  } else {
    candidate.reason = "the learning rate may have come down too early";
  }
  return {std::move(candidate)};
}

}  // namespace

extern const Rule kMoreEpochs;
const Rule kMoreEpochs = {"more epochs", propose};

}  // namespace hone
