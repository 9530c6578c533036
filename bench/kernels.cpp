// bench_kernels: every kernel on named shapes, each result verified before it is timed. README.md lists the cases.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/layer_case.hpp"
#include "bench/peak_cases.hpp"
#include "bench/program.hpp"
#include "bench/roofline.hpp"
#include "bench/shapes.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {
namespace {

using benchmark::Counter;
using Make = std::function<std::unique_ptr<LayerCase>()>;

// Google Benchmark calls a case several times to find how often to run it: the one before is kept, ready and verified.
LayerCase& ready(const std::string& name, const Make& make) {
  static std::pair<std::string, std::unique_ptr<LayerCase>> last;
  if (last.first == name) return *last.second;
  last.second.reset();  // its memory first
  last = {name, make()};
  last.second->verify(name);
  return *last.second;
}

void register_case(const std::string& name, int threads, Make make) {
  benchmark::RegisterBenchmark(name.c_str(), [name, threads, make = std::move(make)](benchmark::State& state) {
    LayerCase& layer = ready(name, make);
    for ([[maybe_unused]] auto _ : state) layer.run();
    const auto rate = [](double amount) { return Counter(amount, Counter::kIsIterationInvariantRate); };
    if (layer.flops() > 0) {
      state.counters["GFLOPS"] = rate(layer.flops() * 1e-9);
      state.counters["peak_share"] = rate(layer.flops() / peak_flops(chosen_isa().name, threads));
    } else {
      state.counters["GBs"] = rate(layer.bytes() * 1e-9);
      state.counters["peak_share"] = rate(layer.bytes() / peak_bandwidth(threads));
    }
  })->UseRealTime();
}

template <class Shape>
void register_shapes(const std::string& op, const std::vector<Named<Shape>>& shapes, bool has_weights) {
  for (const Named<Shape>& named : shapes)
    for (const Pass pass : kPasses) {
      if (pass == Pass::backward_weights && !has_weights) continue;
      for (const int threads : thread_counts())
        register_case(op + "/" + to_string(pass) + "/" + named.name + "/threads:" + std::to_string(threads), threads,
                      [named, pass, threads] { return make_case(named.shape, named.images, pass, threads); });
    }
}

void register_all() {
  register_peaks();
  const auto conv = conv_shapes();
  register_shapes("conv", conv, true);
  // The direct kernels are the only ones there are: the same as the planner's choice.
  register_shapes("conv-direct", conv, true);
  register_shapes("dense", dense_shapes(), true);
  register_shapes("max_pool", pool_shapes(), false);
}

}  // namespace
}  // namespace hone::bench

int main(int argc, char** argv) { return hone::bench::run_cases(argc, argv, hone::bench::register_all); }
