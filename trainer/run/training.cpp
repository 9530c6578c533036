#include "trainer/run/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/base/file.hpp"
#include "engine/graph/infer.hpp"
#include "engine/optim/schedule.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

bool has_batch_norm(const ModelSpec& model) {
  const InferContext inferred = infer_model(model);
  return std::any_of(inferred.parameters().begin(), inferred.parameters().end(),
                     [](const ParameterSpec& parameter) { return !parameter.info.trainable; });
}

Training::Training(const TrainingParts& parts, TrainState state)
    : parts_(parts),
      state_(std::move(state)),
      writer_(parts.folder.path(), static_cast<int>(parts.config.train.checkpoint.keep), parts.events) {
  start_batches();
}

void Training::start_batches() {
  BatcherOptions options;
  options.batch_size = config().train.batch_size;
  options.seed = static_cast<std::uint64_t>(config().seed);
  options.augmenter = parts_.augmenter;
  options.drop_single = has_batch_norm(config().model);
  batches_.emplace(parts_.data.train, options, static_cast<std::uint64_t>(state_.epoch), state_.cursor);
  steps_per_epoch_ = batches_->batches_per_epoch();
  validation_losses_ = state_.validation_losses();
}

void Training::save_start(const std::optional<std::filesystem::path>& resumed) {
  if (resumed) {
    // A kill may have come between the checkpoint at an epoch's end and its second name.
    if (state_.cursor == 0) link_over(*resumed, CheckpointWriter::rollback_path(parts_.folder.path()));
    return;
  }
  CheckpointJob job;
  job.whole_epochs = true;
  submit(std::move(job));
}

void Training::run() {
  while (!done()) {
    try {
      train_epoch();
      finish_epoch();
    } catch (const Diverged& why) {
      roll_back(why);
    }
  }
  writer_.wait();
}

void Training::train_epoch() {
  const auto every = std::chrono::duration<double>(config().train.checkpoint.every_seconds);
  while (state_.cursor < steps_per_epoch_) {
    step();
    parts_.events.heartbeat();
    report_step();
    throw_if_stopped();
    if (state_.cursor < steps_per_epoch_ && Clock::now() - last_checkpoint_ >= every && writer_.idle()) {
      check_finite();
      submit({});
    }
  }
}

double Training::rate(std::int64_t step) const {
  TrainingProgress progress;
  progress.base = config().train.optimizer.real("learning_rate");
  progress.step = step;
  progress.steps_per_epoch = steps_per_epoch_;
  progress.epochs = config().train.epochs;
  progress.validation_losses = validation_losses_;
  return learning_rate(config().train.schedule, progress) * state_.rate_scale;
}

void Training::step() {
  const auto start = Clock::now();
  const Batch batch = batches_->next();
  const StepResult result =
      parts_.network.train_step(batch, rate(state_.step), static_cast<std::uint64_t>(state_.epoch),
                                static_cast<std::uint64_t>(state_.step), parts_.team);
  if (result.given_up) throw_if_stopped();
  if (!std::isfinite(result.loss))
    throw Diverged{
        fmt::format("the loss is no longer finite at step {} (epoch {})", state_.step + 1, state_.epoch + 1)};
  state_.loss_sum += result.loss * static_cast<double>(batch.size);
  state_.correct += result.correct;
  state_.images += batch.size;
  state_.trained_images += batch.size;
  ++state_.step;
  ++state_.cursor;
  dirty_ = true;
  const double seconds = seconds_between(start, Clock::now());
  state_.epoch_seconds += seconds;
  state_.train_seconds += seconds;
}

void Training::check_finite() const {
  if (!parts_.network.finite())
    throw Diverged{fmt::format("a weight is no longer finite after step {} (epoch {})", state_.step, state_.epoch + 1)};
}

void Training::finish_epoch() {
  check_finite();
  const std::optional<Score> validation =
      score(parts_.network, parts_.data.validation, parts_.team, [&](std::int64_t done) {
        parts_.events.heartbeat();
        parts_.progress.activity("validating: " + with_commas(done) + " images");
        throw_if_stopped();
      });
  if (validation && !std::isfinite(validation->loss))
    throw Diverged{fmt::format("the validation loss is not finite after epoch {}", state_.epoch + 1)};

  HistoryRow row;
  row.epoch = state_.epoch + 1;
  row.step = state_.step;
  row.learning_rate = rate(state_.step - 1);
  row.train_loss = state_.loss_sum / static_cast<double>(state_.images);
  row.train_accuracy = share(state_.correct, state_.images);
  if (validation) row.validation_loss = validation->loss;
  if (validation) row.validation_accuracy = validation->accuracy;
  row.seconds = state_.epoch_seconds;
  row.images_per_second = static_cast<double>(state_.images) / std::max(state_.epoch_seconds, 1e-9);
  state_.history.push_back(row);
  if (validation) validation_losses_.push_back(validation->loss);
  ++state_.epoch;
  state_.cursor = 0;
  state_.loss_sum = state_.epoch_seconds = 0;
  state_.correct = state_.images = 0;
  dirty_ = true;

  CheckpointJob job;
  job.whole_epochs = true;
  note_best(validation, job);
  submit(std::move(job));
  write_history(parts_.folder.history(), state_.history);
  report_epoch(row);
}

void Training::note_best(const std::optional<Score>& validation, CheckpointJob& job) {
  if (!validation) {
    if (done()) job.best = weights_checkpoint(parts_.network, state_, parts_.identity);
    return;
  }
  if (validation->accuracy > state_.best_accuracy) {  // the earliest on a tie
    state_.best_accuracy = validation->accuracy;
    state_.stale_epochs = 0;
    job.best = weights_checkpoint(parts_.network, state_, parts_.identity);
  } else {
    ++state_.stale_epochs;
  }
  const auto& early_stop = config().train.early_stop;
  state_.stopped_early =
      early_stop && state_.stale_epochs >= early_stop->patience && state_.epoch < config().train.epochs;
}

void Training::submit(CheckpointJob job) {
  const auto start = Clock::now();
  job.last = resume_checkpoint(parts_.network, state_, parts_.identity);
  job.fields = {{"epoch", state_.epoch}, {"step", state_.step}, {"best", job.best.has_value()}};
  writer_.submit(std::move(job));
  last_checkpoint_ = Clock::now();
  dirty_ = false;
  // Counts as training, like a wait for data; after an epoch's end, as the next one's.
  const double seconds = seconds_between(start, last_checkpoint_);
  state_.epoch_seconds += seconds;
  state_.train_seconds += seconds;
}

bool Training::save_stopped() {
  try {
    if (dirty_) throw_if_out_of_time();
    // What is not finite is not worth keeping: the checkpoint before it is.
    if (dirty_ && parts_.network.finite()) submit({});
    writer_.wait();
    return true;
  } catch (const Stopped&) {
    return false;
  }
}

// Back to the end of the last whole epoch, wherever checkpoints in the middle of one happened to fall: what comes next
// must not depend on time.
void Training::roll_back(const Diverged& why) {
  writer_.wait();
  const std::int64_t retries = state_.retries + 1;
  const double scale = state_.rate_scale * config().train.on_divergence.scale_learning_rate;
  if (retries > config().train.on_divergence.retry) throw why;

  const std::filesystem::path path = CheckpointWriter::rollback_path(parts_.folder.path());
  dirty_ = false;  // what a stop while this is read would save is not worth it
  const Checkpoint checkpoint = read_checkpoint(path, [&] {
    parts_.events.heartbeat();
    throw_if_stopped();
  });
  batches_.reset();
  state_ = restore(checkpoint, path.string(), parts_.network);
  state_.retries = retries;
  state_.rate_scale = scale;
  start_batches();
  dirty_ = true;
  write_history(parts_.folder.history(), state_.history);
  parts_.progress.warning(fmt::format("{}; back to epoch {} with the learning rate scaled by {} (retry {} of {})",
                                      why.what, state_.epoch, scale, retries, config().train.on_divergence.retry));
  parts_.events.write(Event::resume, {{"reason", "divergence: " + why.what},
                                      {"epoch", state_.epoch},
                                      {"step", state_.step},
                                      {"retry", retries},
                                      {"rate_scale", scale}});
}

void Training::report_step() {
  StepProgress p;
  p.epoch = state_.epoch + 1;
  p.epochs = config().train.epochs;
  p.step = state_.cursor;
  p.steps = steps_per_epoch_;
  p.loss = state_.loss_sum / static_cast<double>(state_.images);
  p.accuracy = share(state_.correct, state_.images);
  p.images_per_second = static_cast<double>(state_.images) / std::max(state_.epoch_seconds, 1e-9);
  const std::int64_t steps_left = p.epochs * steps_per_epoch_ - state_.step;
  p.seconds_left = static_cast<double>(steps_left) * state_.epoch_seconds / static_cast<double>(state_.cursor);
  parts_.progress.step(p);
}

void Training::report_epoch(const HistoryRow& row) {
  std::string line = fmt::format("epoch {}/{}: loss {:.4f}, accuracy {}", row.epoch, config().train.epochs,
                                 *row.train_loss, percent(*row.train_accuracy));
  EventFields fields = {{"epoch", row.epoch},
                        {"step", row.step},
                        {"train_loss", *row.train_loss},
                        {"train_accuracy", *row.train_accuracy}};
  if (row.validation_loss) {
    line +=
        fmt::format("; validation loss {:.4f}, accuracy {}", *row.validation_loss, percent(*row.validation_accuracy));
    fields.emplace_back("validation_loss", *row.validation_loss);
    fields.emplace_back("validation_accuracy", *row.validation_accuracy);
  }
  line += fmt::format("; {:.1f} s, {} images/s", *row.seconds, with_commas(std::llround(*row.images_per_second)));
  fields.emplace_back("images_per_second", *row.images_per_second);
  parts_.events.write(Event::epoch, fields);
  parts_.progress.line(line);
}

}  // namespace hone
