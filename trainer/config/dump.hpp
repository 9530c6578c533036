// A config written back: every default spelt out, one canonical text for one config.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/config.hpp"

namespace hone {

// Reads back as the same config, and is the same text when that is written again.
std::string to_yaml(const Config& config);

// A key that two configs disagree on.
struct Difference {
  std::string key;     // "train.batch_size", "model.layers.0.conv.filters"
  std::string before;  // YAML on one line, or "nothing"
  std::string after;
  bool may_change_on_resume = false;  // target, train.checkpoint, tweak, and train.epochs upward

  std::string line() const { return key + ": " + before + " -> " + after; }
};

// In the order of the file. Empty where the configs agree, wherever they were read from.
std::vector<Difference> differences(const Config& before, const Config& after);

}  // namespace hone
