// search.json: the outcome of a search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/tweak/journal.hpp"

namespace hone {

struct Outcome {
  std::string name;
  double target = 0;
  bool met = false;
  std::string ended_because;
  std::optional<double> before;      // accuracy of the user's own model on the test split
  std::optional<double> after;       // of the best one
  std::int64_t best = 0;             // its number
  std::vector<std::string> changes;  // "train.epochs: 2 -> 4"
  std::vector<JournalTrial> trials;
};

std::string format_outcome(const Outcome& outcome);
// Throws Error(data) naming `file` where it is no such file.
bool outcome_met(const std::string& json, const std::string& file);

}  // namespace hone
