// Training blew up: smaller steps.
#include <fmt/format.h>

#include "trainer/tweak/tweak.hpp"

namespace hone {

namespace {

std::vector<Candidate> propose(const Diagnosis& d) {
  if (!d.allows("learning_rate") || !d.diverged) return {};
  constexpr double kLowest = 1e-7;
  const double rate = d.base.config.train.optimizer.real("learning_rate");
  if (rate / 4 < kLowest) return {};
  Candidate candidate{d.base.config, 1, fmt::format("learning_rate {} -> {}", rate, rate / 4), "training diverged"};
  candidate.config.train.optimizer.options["learning_rate"] = rate / 4;
  auto& schedule = candidate.config.train.schedule.options;
  for (const char* option : {"max_learning_rate", "min_learning_rate"})
    if (const auto found = schedule.find(option); found != schedule.end())
      found->second = std::get<double>(found->second) / 4;
  return {std::move(candidate)};
}

}  // namespace

extern const Rule kLowerLearningRate;
const Rule kLowerLearningRate = {"lower learning rate", propose};

}  // namespace hone
