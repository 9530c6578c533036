// From the runs so far to the next candidate: a pure function of their configs and histories.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/tweak/trial.hpp"

namespace hone {

// What the best run so far shows.
struct Diagnosis {
  const Trial& base;
  bool diverged = false;
  double target = 0;          // accuracy asked for
  double train_accuracy = 0;  // of the last epoch
  double accuracy = 0;        // best validation accuracy; without validation, train_accuracy
  double last_gain = 0;       // of that accuracy in the last epoch; what came before the first epoch is chance
  bool best_is_last = false;  // the last epoch was the best one
  std::int64_t classes = 0;

  // Training itself does not reach the target: the net is too small, or it had too little time.
  bool underfits() const { return train_accuracy < target; }
  bool allows(std::string_view axis) const;  // tweak.allow
};

struct Candidate {
  Config config;
  double weight = 0;   // how much speaks for it, in (0, 1]
  std::string change;  // "filters 4 -> 8"
  std::string reason;  // "training accuracy 95.1 % is below the target"
};

// One idea. To add one: a file in rules/, and its line in tweak.cpp.
struct Rule {
  std::string_view name;
  // Candidates worth a try after `diagnosis`; limits and repetition are checked by the caller.
  std::vector<Candidate> (*propose)(const Diagnosis& diagnosis);
};

// What is changed next, in words.
struct Step {
  std::string rule;
  std::size_t base = 0;  // place of the run that was changed
  std::string change;
  std::string reason;

  std::string sentence() const { return rule + ": " + change + ", because " + reason; }
};

struct Proposal : Step {
  Config config;
};

Diagnosis diagnose(const Trial& base);

// The candidate with the highest weight that is within tweak.limits and was not tried yet; nothing where there is none.
// `trials` is not empty.
std::optional<Proposal> next_candidate(const std::vector<Trial>& trials);

}  // namespace hone
