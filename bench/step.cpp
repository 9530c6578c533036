// bench_step: whole steps of training and inference of the nets that ship, on random images. README.md lists the cases.
// --profile: what each op of a step takes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/program.hpp"
#include "bench/roofline.hpp"
#include "engine/base/parallel.hpp"
#include "engine/base/rng.hpp"
#include "engine/graph/network.hpp"
#include "engine/kernels/dispatch.hpp"
#include "trainer/config/loader.hpp"

namespace hone::bench {
namespace {

using benchmark::Counter;

constexpr const char* kConfigs[] = {"mnist_lenet", "cifar10_vgg", "cifar10_resnet20"};
constexpr std::int64_t kInferenceBatches[] = {1, 128, 256};
bool profile = false;

constexpr std::int64_t kBatches = 8;  // different ones, so that no step finds its images in a cache

// A net, a team for it, and some batches of bytes.
class Steps {
 public:
  Steps(const Config& config, std::int64_t batch_size, bool training, int threads)
      : batch_size_(batch_size),
        team_(threads),
        network_(config.model, options(config, batch_size, training, threads)) {
    network_.initialize(1);
    Random random(derive_key(1, "bench images"), 0);
    const auto count = static_cast<std::size_t>(kBatches * batch_size);
    pixels_.resize(count * static_cast<std::size_t>(network_.input().size()));
    for (auto& pixel : pixels_) pixel = static_cast<std::uint8_t>(random.below(256));
    for (std::size_t i = 0; i < count; ++i) {
      labels_.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(network_.classes()))));
      ids_.push_back(static_cast<std::uint32_t>(i));
    }
    logits_.resize(static_cast<std::size_t>(batch_size * network_.classes()));
  }

  void train() noexcept {
    loss_ = network_.train_step(batch(), 0.001, 0, step_, team_).loss;
    ++step_;
  }

  void evaluate() noexcept {
    loss_ = network_.evaluate(batch(), logits_.data(), team_).loss_sum;
    ++step_;
  }

  void start_profile() {
    network_.time_ops();
    steps_before_ = step_;
    start_ = std::chrono::steady_clock::now();
  }

  // A line an op: microseconds a step of all threads together, share of the threads' time. The rest is waiting at
  // barriers, packing weights, and the clock itself.
  void print_profile(const std::string& name, int threads) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() * threads;
    const auto steps = static_cast<double>(step_ - steps_before_);
    double rest = seconds;
    std::fprintf(stderr, "%s\n", name.c_str());
    const auto line = [&](const char* what, double spent) {
      std::fprintf(stderr, "  %-32s %10.1f us %5.1f %%\n", what, 1e6 * spent / steps, 100 * spent / seconds);
    };
    for (const OpTime& op : network_.op_times()) {
      line(op.name.c_str(), op.seconds);
      rest -= op.seconds;
    }
    line("(rest)", rest);
  }

  bool finite() const { return std::isfinite(loss_) && network_.finite(); }
  double flops_per_image(bool training) const {
    return (training ? 6.0 : 2.0) * static_cast<double>(network_.macs_per_image());
  }
  double memory() const { return static_cast<double>(network_.arena_bytes()); }

 private:
  static NetworkOptions options(const Config& config, std::int64_t batch_size, bool training, int threads) {
    NetworkOptions options;
    options.training = training;
    options.batch_size = batch_size;
    options.evaluation_batch_size = training ? 1 : batch_size;
    options.optimizer = config.train.optimizer;
    options.threads = threads;
    options.mean.assign(static_cast<std::size_t>(config.model.input.c), 128.0f);
    options.scale.assign(static_cast<std::size_t>(config.model.input.c), 1.0f / 64);
    return options;
  }

  Batch batch() const {
    const auto first = static_cast<std::int64_t>(step_) % kBatches * batch_size_;
    Batch batch;
    batch.size = batch_size_;
    batch.pixels = pixels_.data() + first * network_.input().size();
    batch.labels = labels_.data() + first;
    batch.ids = ids_.data() + first;
    return batch;
  }

  std::int64_t batch_size_;
  Team team_;
  Network<float> network_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int32_t> labels_;
  std::vector<std::uint32_t> ids_;
  std::vector<float> logits_;
  std::uint64_t step_ = 0, steps_before_ = 0;
  std::chrono::steady_clock::time_point start_;
  double loss_ = 0;
};

void register_case(const std::string& name, const std::shared_ptr<const Config>& config, std::int64_t batch_size,
                   bool training, int threads) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [=](benchmark::State& state) {
        static std::pair<std::string, std::unique_ptr<Steps>> last;
        if (last.first != name) {
          last.second.reset();
          last = {name, std::make_unique<Steps>(*config, batch_size, training, threads)};
          training ? last.second->train() : last.second->evaluate();
        }
        Steps& steps = *last.second;
        if (profile) steps.start_profile();
        for ([[maybe_unused]] auto _ : state) training ? steps.train() : steps.evaluate();
        // Runs of a single step only find out how many to do.
        if (profile && state.iterations() > 1) steps.print_profile(name, threads);
        if (!steps.finite()) {
          std::fprintf(stderr, "bench_step: %s: the loss or the weights are not finite\n", name.c_str());
          std::exit(1);
        }
        state.SetItemsProcessed(state.iterations() * batch_size);
        const double flops = steps.flops_per_image(training) * static_cast<double>(batch_size);
        state.counters["GFLOPS"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
        state.counters["peak_share"] =
            Counter(flops / peak_flops(chosen_isa().name, threads), Counter::kIsIterationInvariantRate);
        state.counters["bytes"] = steps.memory();
      })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

void register_all() {
  for (const std::string config_name : kConfigs) {
    const auto config = std::make_shared<const Config>(load_config(HONE_CONFIGS_DIR "/" + config_name + ".yaml"));
    for (const int threads : thread_counts()) {
      const auto name = [&](const char* what, std::int64_t batch) {
        return std::string(what) + "/" + config_name + "/batch:" + std::to_string(batch) +
               "/threads:" + std::to_string(threads);
      };
      register_case(name("train", config->train.batch_size), config, config->train.batch_size, true, threads);
      for (const std::int64_t batch : kInferenceBatches)
        register_case(name("inference", batch), config, batch, false, threads);
    }
  }
}

}  // namespace
}  // namespace hone::bench

int main(int argc, char** argv) {
  char** end =
      std::remove_if(argv + 1, argv + argc, [](const char* option) { return option == std::string_view("--profile"); });
  hone::bench::profile = end != argv + argc;
  return hone::bench::run_program(static_cast<int>(end - argv), argv, hone::bench::register_all);
}
