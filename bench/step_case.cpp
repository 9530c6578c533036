#include "bench/step_case.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bench/program.hpp"
#include "engine/base/rng.hpp"

namespace hone::bench {
namespace {

constexpr const char* kConfigs[] = {"mnist_lenet", "cifar10_vgg", "cifar10_resnet20"};
constexpr std::int64_t kInferenceBatches[] = {1, 128, 256};
constexpr std::int64_t kBatches = 8;  // different ones, so that no step finds its images in a cache

NetworkOptions options(const StepCase& step_case) {
  NetworkOptions options;
  options.training = step_case.training;
  options.batch_size = step_case.batch_size;
  options.evaluation_batch_size = step_case.training ? 1 : step_case.batch_size;
  options.optimizer = step_case.config->train.optimizer;
  options.threads = step_case.threads;
  const auto channels = static_cast<std::size_t>(step_case.config->model.input.c);
  options.mean.assign(channels, 128.0f);
  options.scale.assign(channels, 1.0f / 64);
  return options;
}

}  // namespace

std::vector<StepCase> step_cases() {
  std::vector<StepCase> cases;
  for (const std::string config_name : kConfigs) {
    const auto config = std::make_shared<const Config>(load_config(HONE_CONFIGS_DIR "/" + config_name + ".yaml"));
    for (const int threads : thread_counts()) {
      const auto add = [&](const char* what, std::int64_t batch, bool training) {
        cases.push_back({std::string(what) + "/" + config_name + "/batch:" + std::to_string(batch) +
                             "/threads:" + std::to_string(threads),
                         config, batch, training, threads});
      };
      add("train", config->train.batch_size, true);
      for (const std::int64_t batch : kInferenceBatches) add("inference", batch, false);
    }
  }
  return cases;
}

Steps::Steps(const StepCase& step_case)
    : case_(step_case), team_(step_case.threads), network_(step_case.config->model, options(step_case)) {
  network_.initialize(1);
  Random random(derive_key(1, "bench images"), 0);
  const auto count = static_cast<std::size_t>(kBatches * images());
  pixels_.resize(count * static_cast<std::size_t>(network_.input().size()));
  for (auto& pixel : pixels_) pixel = static_cast<std::uint8_t>(random.below(256));
  for (std::size_t i = 0; i < count; ++i) {
    labels_.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(network_.classes()))));
    ids_.push_back(static_cast<std::uint32_t>(i));
  }
  logits_.resize(static_cast<std::size_t>(images() * network_.classes()));
}

void Steps::run() noexcept {
  if (case_.training)
    loss_ = network_.train_step(batch(), 0.001, 0, step_, team_).loss;
  else
    loss_ = network_.evaluate(batch(), logits_.data(), team_).loss_sum;
  ++step_;
}

double Steps::flops() const {
  return (case_.training ? 6.0 : 2.0) * static_cast<double>(network_.macs_per_image() * images());
}

void Steps::check() const {
  if (std::isfinite(loss_) && network_.finite()) return;
  std::fprintf(stderr, "bench_step: %s: the loss or the weights are not finite\n", case_.name.c_str());
  std::exit(1);
}

void Steps::start_profile() {
  network_.time_ops();
  steps_before_ = step_;
  start_ = std::chrono::steady_clock::now();
}

void Steps::print_profile() const {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() * case_.threads;
  const auto steps = static_cast<double>(step_ - steps_before_);
  double rest = seconds;
  std::fprintf(stderr, "%s\n", case_.name.c_str());
  const auto line = [&](const char* what, double spent) {
    std::fprintf(stderr, "  %-32s %10.1f us %5.1f %%\n", what, 1e6 * spent / steps, 100 * spent / seconds);
  };
  for (const OpTime& op : network_.op_times()) {
    line(op.name.c_str(), op.seconds);
    rest -= op.seconds;
  }
  line("(rest)", rest);
}

Batch Steps::batch() const {
  const auto first = static_cast<std::int64_t>(step_) % kBatches * images();
  Batch batch;
  batch.size = images();
  batch.pixels = pixels_.data() + first * network_.input().size();
  batch.labels = labels_.data() + first;
  batch.ids = ids_.data() + first;
  return batch;
}

}  // namespace hone::bench
