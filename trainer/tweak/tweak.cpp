#include "trainer/tweak/tweak.hpp"

#include <algorithm>

#include "engine/base/error.hpp"
#include "engine/graph/infer.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/tweak/edit.hpp"

namespace hone {

extern const Rule kMoreEpochs, kWider, kAnotherLayer, kLowerLearningRate;

namespace {

// A new rule: one line here.
constexpr const Rule* kRules[] = {&kLowerLearningRate, &kMoreEpochs, &kWider, &kAnotherLayer};

bool within_limits(const Config& config) {
  try {
    const Cost cost = cost_of(config.model);
    return cost.parameters <= config.tweak.limits.parameters && cost.macs <= config.tweak.limits.macs;
  } catch (const Error&) {  // a shape that can't be
    return false;
  }
}

bool was_tried(const Config& config, const std::vector<Trial>& trials) {
  return std::any_of(trials.begin(), trials.end(), [&](const Trial& trial) {
    const auto found = differences(trial.config, config);
    return std::none_of(found.begin(), found.end(), [](const Difference& difference) {
      return !difference.may_change_on_resume || difference.key == "train.epochs";
    });
  });
}

double accuracy_of(const HistoryRow& row) {
  return row.validation_accuracy ? *row.validation_accuracy : row.train_accuracy.value_or(0);
}

}  // namespace

bool Diagnosis::allows(std::string_view axis) const {
  const auto& allowed = base.config.tweak.allow;
  return std::find(allowed.begin(), allowed.end(), axis) != allowed.end();
}

Diagnosis diagnose(const Trial& base) {
  Diagnosis d{.base = base};
  d.diverged = base.status == RunStatus::diverged;
  d.target = base.config.target.at_least;
  d.classes = infer_model(base.config.model).layers().back().output.size();
  if (base.history.empty()) return d;
  d.train_accuracy = base.history.back().train_accuracy.value_or(0);
  const double last = accuracy_of(base.history.back());
  double before = 1.0 / static_cast<double>(std::max<std::int64_t>(d.classes, 1));
  for (std::size_t i = 0; i + 1 < base.history.size(); ++i)
    before = i == 0 ? accuracy_of(base.history[i]) : std::max(before, accuracy_of(base.history[i]));
  d.accuracy = std::max(last, base.history.size() > 1 ? before : last);
  d.last_gain = last - before;
  d.best_is_last = d.last_gain > 0;
  return d;
}

std::optional<Proposal> next_candidate(const std::vector<Trial>& trials) {
  const std::size_t base = best_of(ranks_of(trials));
  const Diagnosis diagnosis = diagnose(trials[base]);
  std::optional<Proposal> best;
  double weight = 0;
  for (const Rule* rule : kRules)
    for (Candidate& candidate : rule->propose(diagnosis)) {
      if (candidate.weight <= weight || !within_limits(candidate.config) || was_tried(candidate.config, trials))
        continue;
      weight = candidate.weight;
      best = Proposal{{std::string(rule->name), base, std::move(candidate.change), std::move(candidate.reason)},
                      std::move(candidate.config)};
    }
  return best;
}

}  // namespace hone
