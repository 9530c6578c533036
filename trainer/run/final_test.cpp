#include "trainer/run/final_test.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/parallel.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/events.hpp"
#include "trainer/run/model_file.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/train.hpp"

namespace hone {

std::string test_line(const Metrics& metrics) {
  if (!metrics.accuracy) return "no accuracy on the test split";
  return fmt::format("accuracy {} on the test split (target {}: {})", percent(*metrics.accuracy),
                     percent(*metrics.target), *metrics.met ? "met" : "not met");
}

void put_test_score(const std::optional<Evaluation>& evaluation, const std::vector<std::string>& labels, double target,
                    Metrics& metrics) {
  metrics.met = false;
  if (!evaluation) return;
  const Score& score = evaluation->score;
  metrics.test_images = score.images;
  if (!std::isfinite(score.loss)) return;  // an accuracy that comes from such a network is no accuracy
  metrics.met = score.accuracy >= target;
  metrics.accuracy = metrics.value = score.accuracy;
  metrics.loss = score.loss;
  if (labels.size() <= kMostConfusionClasses) metrics.confusion = Confusion{labels, evaluation->confusion};
}

std::optional<Metrics> metrics_of_ended_run(const std::filesystem::path& run) {
  if (!std::filesystem::exists(run / "metrics.json")) return std::nullopt;
  try {
    Metrics metrics = read_metrics(run / "metrics.json");
    if (metrics.status == RunStatus::finished || metrics.status == RunStatus::early_stopped) return metrics;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::io) throw;  // else torn or foreign: written anew at the end
  }
  return std::nullopt;
}

bool untested(const Metrics& metrics) {
  const bool ended = metrics.status == RunStatus::finished || metrics.status == RunStatus::early_stopped;
  return ended && !metrics.met && !metrics.value && !metrics.accuracy && !metrics.test_images;
}

Metrics measure_on_test(const std::filesystem::path& run, double target, const TrainOptions& options) {
  Metrics metrics = read_metrics(run / "metrics.json");
  if (!untested(metrics)) return metrics;
  const StopSignals signals;
  EventLog events(run / "events.jsonl");
  Progress progress(options.quiet);
  progress.log_to(run / "train.log");
  const auto alive = [&] {
    events.heartbeat();
    throw_if_stopped();
  };
  ModelFile model = read_model((run / "best.safetensors").string());
  Team team(options.threads);
  Network<float> network = make_network(model, team.size());
  const Dataset data = load_data(model.config, alive);
  const std::optional<Evaluation> result = evaluate(network, data.test, team, [&](std::int64_t done) {
    progress.activity("testing: " + with_commas(done) + " images");
    alive();
  });
  metrics.target = target;
  put_test_score(result, model.labels, target, metrics);
  write_metrics(run / "metrics.json", metrics);
  events.write(Event::end, {{"status", to_string(metrics.status)}});
  progress.line(test_line(metrics));
  return metrics;
}

}  // namespace hone
