// How far a run has come: with weights and optimizer state all that decides how it goes on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainer/run/history.hpp"

namespace hone {

struct TrainState {
  std::int64_t step = 0;    // steps done in all
  std::int64_t epoch = 0;   // epochs finished, their evaluation included
  std::int64_t cursor = 0;  // batches done of the running epoch

  // Of the running epoch so far.
  double loss_sum = 0;  // over its images
  std::int64_t correct = 0;
  std::int64_t images = 0;
  double epoch_seconds = 0;

  // Of the whole run; times are wall time between first and last step, evaluation excluded.
  double train_seconds = 0;
  std::int64_t trained_images = 0;
  std::vector<HistoryRow> history;

  double best_accuracy = -1;      // validation accuracy; -1: none yet
  std::int64_t stale_epochs = 0;  // since the best one
  bool stopped_early = false;
  std::int64_t retries = 0;  // after divergence
  double rate_scale = 1;     // what they made of the learning rate

  // One for each finished epoch: what the plateau schedule looks at.
  std::vector<double> validation_losses() const;

  friend bool operator==(const TrainState&, const TrainState&) = default;
};

using Metadata = std::map<std::string, std::string>;

// hone.step, hone.epoch, hone.cursor, hone.history and hone.state.
void write_state(const TrainState& state, Metadata& metadata);
// Throws Error(checkpoint) naming `file` where they are missing or damaged.
TrainState read_state(const Metadata& metadata, const std::string& file);

// The text of a key; Error(checkpoint) naming `file` where it is missing.
const std::string& metadata_text(const Metadata& metadata, const std::string& key, const std::string& file);

}  // namespace hone
