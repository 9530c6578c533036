#include "trainer/run/train.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "engine/checkpoint/rotation.hpp"
#include "engine/data/augment.hpp"
#include "engine/kernels/dispatch.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/final_test.hpp"
#include "trainer/run/fresh_folder.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/tensors.hpp"
#include "trainer/run/training.hpp"
#include "trainer/run/version.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} << 20;

// The config that the folder's run was started with; nothing where none was written yet.
std::optional<Config> stored_config(const RunFolder& folder) {
  if (!folder.resuming() || !fs::exists(folder.config())) return std::nullopt;
  return parse_config(read_file(folder.config(), kMaxConfigBytes), folder.config().string());
}

void check_same(Config stored, Config now, const RunFolder& folder) {
  if (!stored.has_input()) stored.model.input = now.model.input;
  if (!now.has_input()) now.model.input = stored.model.input;
  std::string refused;
  for (const Difference& difference : differences(stored, now))
    if (!difference.may_change_on_resume) refused += (refused.empty() ? "" : ", ") + difference.line();
  if (!refused.empty())
    throw Error(ErrorKind::config, now.where,
                "differs from the run in " + folder.path().string() + ": " + refused +
                    "; expected the same but for target, tweak, train.checkpoint and more train.epochs");
}

NetworkOptions network_options(const Config& config, const Dataset& data, const Normalization& normalization,
                               int threads) {
  NetworkOptions options;
  options.classes = static_cast<std::int64_t>(data.classes.size());
  options.batch_size = config.train.batch_size;
  const std::int64_t last = last_batch_size(data.train.count, config.train.batch_size, has_batch_norm(config.model));
  options.last_batch_size = last == config.train.batch_size ? 0 : last;
  options.evaluation_batch_size = kEvaluationBatch;
  options.optimizer = config.train.optimizer;
  options.label_smoothing = config.train.label_smoothing;
  options.clip_gradients = config.train.clip_gradients;
  options.seed = static_cast<std::uint64_t>(config.seed);
  options.threads = threads;
  options.mean = normalization.mean;
  options.scale = normalization.scale;
  options.stop = &stop_request();
  return options;
}

std::int64_t peak_rss_bytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// One run, from its folder to its metrics.
class Run {
 public:
  Run(const Config& config, const TrainOptions& options)
      : config_(config), options_(options), progress_(options.quiet), team_(options.threads) {}

  TrainResult run() {
    chosen_isa();  // a wrong HONE_ISA is found before anything is written
    resolve_model(config_);
    if (!options_.init_from.empty()) init_from_ = read_checkpoint(options_.init_from, throw_if_stopped);
    FreshFolder fresh(options_.out);
    folder_.emplace(options_.resume ? RunFolder::open(options_.out) : RunFolder::create(options_.out));
    const std::optional<Config> stored = stored_config(*folder_);
    if (stored) check_same(*stored, config_, *folder_);
    const bool more_epochs = stored && config_.train.epochs > stored->train.epochs;
    TrainResult result;
    if (const auto ended = metrics_of_ended_run(folder_->path()); ended && !more_epochs) {
      close_ended(*ended, result);
      return result;
    }
    try {
      open_folder();
      prepare();
      fresh.keep();
      train_and_test(result);
    } catch (const Stopped& stopped) {
      fresh.keep();
      result.signal = stopped.signal;
      close_stopped(result);
    }
    return result;
  }

 private:
  // Nothing is left to do but to measure what was trained with --no-test.
  void close_ended(const Metrics& ended, TrainResult& result) {
    const bool measure = options_.test && untested(ended);
    progress_.line(folder_->path().string() + ": this run has ended before (" + to_string(ended.status) + "); " +
                   (measure ? "measuring it on the test split" : "nothing to do"));
    result.metrics = ended;
    result.untouched = !measure;
    try {
      if (measure) result.metrics = measure_on_test(folder_->path(), config_.target.at_least, options_);
    } catch (const Stopped& stopped) {
      result.signal = stopped.signal;
    }
  }

  void open_folder() {
    events_.emplace(folder_->events());
    progress_.log_to(folder_->log());
  }

  // Called now and then by whatever takes long.
  void look_up() {
    events_->heartbeat();
    throw_if_stopped();
  }

  // Everything that may find something wrong before the first step.
  void prepare() {
    const auto look = [&] { look_up(); };
    progress_.activity("reading the data");
    data_ = load_data(config_, look);
    for (const std::string& file : data_.unreadable) progress_.warning("left out: " + file);
    const Normalization normalization = hone::normalization(config_.data.normalize, data_.train, data_.shape, look);
    augmenter_ = make_augmenter(config_.data.augment, static_cast<std::uint64_t>(config_.seed), data_.shape);
    network_.emplace(config_.model, network_options(config_, data_, normalization, team_.size()));
    identity_ = {to_yaml(config_), format_labels(data_.classes), format_normalization(normalization), chosen_isa().name,
                 plan_text(*network_)};
    std::optional<LoadedCheckpoint> last = load_last();
    TrainState state;
    if (last)
      state = resume_from(*last);
    else
      start_weights();
    // Before the config that asks for more epochs: beside that, they would say that all is done.
    fs::remove(folder_->metrics());
    folder_->write_config(identity_.config, config_.source);
    training_.emplace(
        TrainingParts{config_, *folder_, data_, augmenter_.get(), identity_, *network_, team_, *events_, progress_},
        std::move(state));
    announce(last.has_value());
    training_->save_start(last ? std::optional(last->path) : std::nullopt);
  }

  std::optional<LoadedCheckpoint> load_last() {
    if (!folder_->resuming()) return std::nullopt;
    return load_newest(
        folder_->path(), [&](const std::string& problem) { progress_.warning(problem); }, [&] { look_up(); });
  }

  TrainState resume_from(const LoadedCheckpoint& last) {
    const std::string file = last.path.string();
    TrainState state = restore(last.checkpoint, file, *network_);
    const auto warn_of_change = [&](const char* key, const std::string& now) {
      const std::string& before = metadata_text(last.checkpoint.metadata, key, file);
      if (before != now)
        progress_.warning(fmt::format(
            "{} was {} and is {}: the weights will not be bitwise those of an undisturbed run", key, before, now));
    };
    warn_of_change("hone.isa", identity_.isa);
    if (metadata_text(last.checkpoint.metadata, "hone.isa", file) == identity_.isa)
      warn_of_change("hone.plan", identity_.plan);
    // By the checkpoint's own config: the folder's is that of a run that may have ended before it saved anything.
    const std::string& config = metadata_text(last.checkpoint.metadata, "hone.config", file);
    if (config_.train.epochs > parse_config(config, file).train.epochs) {
      state.stopped_early = false;
      state.stale_epochs = 0;
    }
    write_history(folder_->history(), state.history);
    return state;
  }

  void start_weights() {
    network_->initialize(static_cast<std::uint64_t>(config_.seed));
    throw_if_stopped();
    if (!init_from_) return;
    restore_weights(*init_from_, options_.init_from.string(), *network_);
    if (!network_->finite())
      throw Error(ErrorKind::checkpoint, Location{options_.init_from.string()},
                  "holds weights that are not finite; expected those of a run that did not diverge");
    init_from_.reset();
  }

  void announce(bool resumed) {
    const TrainState& state = training_->state();
    events_->write(resumed ? Event::resume : Event::start, {{"name", config_.name},
                                                            {"epoch", state.epoch},
                                                            {"step", state.step},
                                                            {"threads", std::int64_t{team_.size()}},
                                                            {"isa", identity_.isa}});
    progress_.line(
        fmt::format("{}: {} training, {} validation and {} test images; {} parameters, {} MACs an image; "
                    "{}, {} threads{}",
                    config_.name, with_commas(data_.train.count), with_commas(data_.validation.count),
                    with_commas(data_.test.count), with_commas(network_->parameters()),
                    with_commas(network_->macs_per_image()), identity_.isa, team_.size(),
                    resumed ? fmt::format("; going on after step {} of epoch {}", state.cursor, state.epoch + 1) : ""));
  }

  void train_and_test(TrainResult& result) {
    Metrics& metrics = result.metrics;
    try {
      training_->run();
    } catch (const Diverged& why) {
      result.message = why.what;
      metrics.status = RunStatus::diverged;
      metrics.met = false;
      finish(metrics);
      return;
    }
    metrics.status = training_->state().stopped_early ? RunStatus::early_stopped : RunStatus::finished;
    if (options_.test) test(metrics);
    finish(metrics);
  }

  // accuracy: the best weights on the test split.
  void test(Metrics& metrics) {
    const fs::path best = folder_->best();
    restore_weights(read_checkpoint(best, [&] { look_up(); }), best.string(), *network_);
    const std::optional<Evaluation> result = evaluate(*network_, data_.test, team_, [&](std::int64_t done) {
      progress_.activity("testing: " + with_commas(done) + " images");
      look_up();
    });
    put_test_score(result, data_.classes, config_.target.at_least, metrics);
  }

  void close_stopped(TrainResult& result) {
    result.metrics = {};
    result.metrics.status = RunStatus::interrupted;
    if (training_ && !training_->save_stopped())
      progress_.warning("there was no time to save what was done since the last checkpoint; --resume does it again");
    finish(result.metrics);
  }

  void finish(Metrics& metrics) {
    fill(metrics);
    write_metrics(folder_->metrics(), metrics);
    events_->write(Event::end, {{"status", to_string(metrics.status)}});
    std::string line = to_string(metrics.status) + "; epochs done: " + std::to_string(metrics.epochs_done.value_or(0));
    if (metrics.accuracy) line += "; " + test_line(metrics);
    progress_.line(line);
  }

  void fill(Metrics& metrics) {
    metrics.name = config_.name;
    metrics.metric = config_.target.metric;
    metrics.target = config_.target.at_least;
    metrics.threads = team_.size();
    metrics.isa = chosen_isa().name;
    metrics.seed = static_cast<std::uint64_t>(config_.seed);
    if (const char* commit = std::getenv("HONE_COMMIT"); commit != nullptr && *commit != '\0') metrics.commit = commit;
    metrics.version = kVersion;
    metrics.peak_rss_bytes = peak_rss_bytes();
    if (network_) {
      metrics.kind = network_->convolutional() ? "cnn" : "dense";
      metrics.parameters = network_->parameters();
      metrics.macs_per_image = network_->macs_per_image();
    }
    if (!training_) return;
    const TrainState& state = training_->state();
    if (state.best_accuracy >= 0) metrics.validation_accuracy = state.best_accuracy;
    metrics.validation_images = data_.validation.count;
    metrics.epochs_done = state.epoch;
    metrics.train_seconds = state.train_seconds;
    if (state.train_seconds > 0)
      metrics.images_per_second = static_cast<double>(state.trained_images) / state.train_seconds;
  }

  Config config_;
  const TrainOptions& options_;
  Progress progress_;
  Team team_;
  std::optional<Checkpoint> init_from_;
  std::optional<RunFolder> folder_;
  std::optional<EventLog> events_;
  Dataset data_;
  std::unique_ptr<Augmenter> augmenter_;
  std::optional<Network<float>> network_;
  RunIdentity identity_;
  std::optional<Training> training_;
};

}  // namespace

TrainResult train(const Config& config, const TrainOptions& options) {
  const StopSignals signals;
  return Run(config, options).run();
}

}  // namespace hone
