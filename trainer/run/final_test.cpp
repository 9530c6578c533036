#include "trainer/run/final_test.hpp"

#include <cmath>

#include "engine/base/parallel.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/model_file.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/train.hpp"

namespace hone {

void put_test_score(const std::optional<Score>& score, double target, Metrics& metrics) {
  metrics.met = score && std::isfinite(score->loss) && score->accuracy >= target;
  if (!score) return;
  metrics.test_images = score->images;
  if (!std::isfinite(score->loss)) return;  // an accuracy that comes from such a network is no accuracy
  metrics.accuracy = metrics.value = score->accuracy;
  metrics.loss = score->loss;
}

Metrics measure_on_test(const std::filesystem::path& run, const TrainOptions& options) {
  Metrics metrics = read_metrics(run / "metrics.json");
  if (metrics.test_images) return metrics;
  const StopSignals signals;
  ModelFile model = read_model((run / "best.safetensors").string());
  Team team(options.threads);
  Network<float> network = make_network(model, team.size());
  Progress progress(options.quiet);
  const Dataset data = load_data(model.config, throw_if_stopped);
  const std::optional<Score> result = score(network, data.test, team, [&](std::int64_t done) {
    progress.activity("testing: " + with_commas(done) + " images");
    throw_if_stopped();
  });
  put_test_score(result, model.config.target.at_least, metrics);
  write_metrics(run / "metrics.json", metrics);
  return metrics;
}

}  // namespace hone
