// A run from start to end: data, steps, evaluation, checkpoints, outcome.
#pragma once

#include <filesystem>
#include <string>

#include "trainer/config/config.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

struct TrainOptions {
  std::filesystem::path out;        // the run folder
  bool resume = false;              // go on with what is there; start where nothing is
  std::filesystem::path init_from;  // a checkpoint whose weights to start with; empty: fresh ones
  int threads = 0;                  // 0: as many as there are
  bool quiet = false;
  // Measure the best weights on the test split at the end. A search does that for its winner only; a run that has ended
  // without it is measured when it is resumed with it.
  bool test = true;
};

struct TrainResult {
  Metrics metrics;         // as written to metrics.json
  bool untouched = false;  // the run had ended before; nothing was done
  int signal = 0;          // that stopped it, after a checkpoint
  std::string message;     // why it diverged
};

// Ends as `finished`, `early_stopped`, `diverged` or `interrupted`. What is wrong is an Error; what is found before
// training begins leaves no new run folder behind. Resuming gives bitwise the tensors and the history.csv (but its
// times) of a run that was never stopped.
TrainResult train(const Config& config, const TrainOptions& options);

}  // namespace hone
