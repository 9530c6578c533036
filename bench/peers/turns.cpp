// bench_peers: our layers and oneDNN's by turns of a few milliseconds, in one process. A shared machine changes within
// seconds: what is measured by turns shares what happens.
//
// Writes lines of JSON: first {"isa", "onednn"}, then for each case {"name", "unit", "ours", "peak", "peers"}: a rate
// for each turn; peak: of the machine, in that turn.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "bench/layer_case.hpp"
#include "bench/peers/dnnl_layers.hpp"
#include "bench/roofline.hpp"
#include "bench/shapes.hpp"
#include "engine/base/error.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {
namespace {

using Clock = std::chrono::steady_clock;

template <class Run>
double seconds_of(const Run& run) {
  const auto start = Clock::now();
  run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Something that takes turns with others.
class Contestant {
 public:
  Contestant(double amount, std::function<void()> run) : amount_(amount), run_(std::move(run)) {
    constexpr double kTurn = 3e-3;
    run_();
    runs_ = std::max(1, static_cast<int>(kTurn / seconds_of(run_)));
  }

  // What others have left in the caches is no part of it, where a turn has several runs.
  void take_turn() {
    if (runs_ > 1) run_();
    const double seconds = seconds_of([&] {
      for (int i = 0; i < runs_; ++i) run_();
    });
    rates_.push_back(amount_ * runs_ / seconds);
  }

  const std::vector<double>& rates() const { return rates_; }

 private:
  double amount_;  // of one run
  std::function<void()> run_;
  int runs_ = 1;
  std::vector<double> rates_;
};

struct Options {
  std::regex filter;  // of <op>/<shape>
  double seconds;     // a case
  int threads;
};

template <class Shape>
void measure(const Options& options, const std::string& op, const Named<Shape>& named, Pass pass) {
  constexpr int kFewestTurns = 3;
  const std::string name =
      op + "/" + to_string(pass) + "/" + named.name + "/threads:" + std::to_string(options.threads);
  const auto layer = make_case(named.shape, named.images, pass, options.threads);
  layer->verify(name);
  const bool counts_flops = layer->flops() > 0;
  const double amount = 1e-9 * (counts_flops ? layer->flops() : layer->bytes());
  Contestant ours(amount, [&] { layer->run(); });

  std::vector<std::pair<std::string, Contestant>> peers;
  for (const PeerLayer& peer : dnnl_layers(named.shape, named.images, pass))
    peers.emplace_back(peer.name, Contestant(amount, peer.run));

  constexpr std::int64_t kRounds = 200'000;
  const std::string& isa = chosen_isa().name;
  Team team(options.threads);
  Contestant flops(1e-9 * static_cast<double>(kRounds * flops_per_round(isa) * options.threads),
                   [&] { run_flops(isa, kRounds, team); });

  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  for (int turn = 0; turn < kFewestTurns || Clock::now() < end; ++turn) {
    ours.take_turn();
    for (auto& [peer, contestant] : peers) contestant.take_turn();
    if (counts_flops) flops.take_turn();
  }

  nlohmann::ordered_json line{{"name", name}, {"unit", counts_flops ? "GFLOP/s" : "GB/s"}, {"ours", ours.rates()}};
  line["peak"] =
      counts_flops ? flops.rates() : std::vector<double>(ours.rates().size(), 1e-9 * peak_bandwidth(options.threads));
  line["peers"] = nlohmann::ordered_json::object();
  for (const auto& [peer, contestant] : peers) line["peers"][peer] = contestant.rates();
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

template <class Shape>
void measure_all(const Options& options, const std::string& op, const std::vector<Named<Shape>>& shapes,
                 bool has_weights) {
  const std::string group = op.substr(0, op.find('-'));
  for (const Named<Shape>& named : shapes)
    if (std::regex_search(group + "/" + named.name, options.filter))
      for (const Pass pass : kPasses)
        if (pass != Pass::backward_weights || has_weights) measure(options, op, named, pass);
}

void measure_all(const Options& options) {
  omp_set_num_threads(options.threads);
  const nlohmann::ordered_json context{{"isa", chosen_isa().name}, {"onednn", dnnl_version_text()}};
  std::printf("%s\n", context.dump().c_str());
  measure_all(options, "conv-direct", conv_shapes(), true);
  measure_all(options, "dense", dense_shapes(), true);
  measure_all(options, "max_pool", pool_shapes(), false);
}

}  // namespace
}  // namespace hone::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_peers REGEX SECONDS\n");
    return static_cast<int>(hone::ErrorKind::usage);
  }
  try {
    hone::bench::measure_all({std::regex(argv[1]), std::stod(argv[2]), hone::available_threads()});
  } catch (const hone::Error& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return static_cast<int>(hone::ErrorKind::internal);
  }
  return 0;
}
