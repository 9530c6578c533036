// The loop: steps, evaluation at each epoch's end, checkpoints, divergence. train.cpp prepares it and closes the run.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/parallel.hpp"
#include "engine/data/batcher.hpp"
#include "engine/data/dataset.hpp"
#include "engine/graph/network.hpp"
#include "trainer/config/config.hpp"
#include "trainer/run/checkpoint_writer.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/run_folder.hpp"
#include "trainer/run/snapshot.hpp"
#include "trainer/run/train_state.hpp"

namespace hone {

// What training works with; all of it outlives the Training.
struct TrainingParts {
  const Config& config;
  const RunFolder& folder;
  const Dataset& data;
  const Augmenter* augmenter;
  const RunIdentity& identity;
  Network<float>& network;
  Team& team;
  EventLog& events;
  Progress& progress;
};

// Steps that an epoch has, and whether its last batch would be one image that batch norm can't train on.
bool has_batch_norm(const ModelSpec& model);

// The loss or the weights are no longer finite.
struct Diverged {
  std::string what;
};

class Training {
 public:
  Training(const TrainingParts& parts, TrainState state);

  // Makes sure that divergence in the first epoch has something to go back to: the checkpoint that was resumed, or one
  // of a run that begins.
  void save_start(const std::optional<std::filesystem::path>& resumed);
  // Trains until the last epoch or an early stop. Throws Diverged when no retry is left, Stopped after a signal.
  void run();
  // After Stopped: a checkpoint of what is not saved yet. False where there was no time for it: the one before it
  // stays.
  bool save_stopped();
  // Until every checkpoint is on the disk.
  void wait() { writer_.wait(); }

  bool done() const { return state_.epoch >= config().train.epochs || state_.stopped_early; }
  const TrainState& state() const { return state_; }

 private:
  using Clock = std::chrono::steady_clock;

  const Config& config() const { return parts_.config; }
  void start_batches();
  void train_epoch();
  double rate(std::int64_t step) const;
  void step();
  void finish_epoch();
  void note_best(const std::optional<Score>& validation, CheckpointJob& job);
  void check_finite() const;
  void submit(CheckpointJob job);
  void roll_back(const Diverged& why);
  void report_step();
  void report_epoch(const HistoryRow& row);

  TrainingParts parts_;
  TrainState state_;
  CheckpointWriter writer_;
  std::optional<Batcher> batches_;
  std::int64_t steps_per_epoch_ = 0;
  std::vector<double> validation_losses_;
  Clock::time_point last_checkpoint_ = Clock::now();
  bool dirty_ = false;  // there is something that no checkpoint has
};

}  // namespace hone
