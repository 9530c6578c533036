// bench_peers: our layers and oneDNN's by turns of a few milliseconds, in one process.
//
// Writes lines of JSON: first {"isa", "onednn"}, then for each case {"name", "unit", "ours", "peak", "peers"}: a rate
// for each turn; peak: of the machine, in that turn.
#include <omp.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "bench/contestant.hpp"
#include "bench/layer_case.hpp"
#include "bench/peers/dnnl_layers.hpp"
#include "bench/program.hpp"
#include "bench/roofline.hpp"
#include "bench/shapes.hpp"
#include "engine/base/error.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {
namespace {

struct Options {
  std::regex filter;  // of <op>/<shape>
  double seconds;     // a case
  int threads;
};

template <class Shape>
void measure(const Options& options, const std::string& op, const Named<Shape>& named, Pass pass) {
  constexpr int kFewestTurns = 3;
  constexpr double kTurn = 3e-3;  // seconds
  const std::string name =
      op + "/" + to_string(pass) + "/" + named.name + "/threads:" + std::to_string(options.threads);
  const auto layer = make_case(named.shape, named.images, pass, options.threads);
  layer->verify(name);
  const bool counts_flops = layer->flops() > 0;
  const double amount = counts_flops ? layer->flops() : layer->bytes();
  Contestant ours(amount, kTurn, [&] { layer->run(); });

  std::vector<std::pair<std::string, Contestant>> peers;
  for (const PeerLayer& peer : dnnl_layers(named.shape, named.images, pass))
    peers.emplace_back(peer.name, Contestant(amount, kTurn, peer.run));

  Contestant flops = peak_contestant(kTurn, options.threads);

  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  for (int turn = 0; turn < kFewestTurns || Clock::now() < end; ++turn) {
    ours.take_turn();
    for (auto& [peer, contestant] : peers) contestant.take_turn();
    if (counts_flops) flops.take_turn();
  }

  const auto billions = [](std::vector<double> rates) {
    for (double& rate : rates) rate *= 1e-9;
    return rates;
  };
  const std::vector<double> peak =
      counts_flops ? flops.rates() : std::vector<double>(ours.rates().size(), peak_bandwidth(options.threads));
  nlohmann::ordered_json line{{"name", name},
                              {"unit", counts_flops ? "GFLOP/s" : "GB/s"},
                              {"ours", billions(ours.rates())},
                              {"peak", billions(peak)}};
  line["peers"] = nlohmann::ordered_json::object();
  for (const auto& [peer, contestant] : peers) line["peers"][peer] = billions(contestant.rates());
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
  return hone::bench::run_program(argv[0], [&] {
    if (argc != 3) throw hone::Error(hone::ErrorKind::usage, "expected a regular expression of cases, and seconds");
    hone::bench::measure_all({std::regex(argv[1]), std::stod(argv[2]), hone::available_threads()});
    return 0;
  });
}
