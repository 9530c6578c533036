// bench_step: whole steps of training and inference of the nets that ship, on random images. README.md lists the cases.
// --profile: what each op of a step takes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/program.hpp"
#include "bench/roofline.hpp"
#include "bench/step_case.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {
namespace {

using benchmark::Counter;

bool profile = false;

// Google Benchmark calls a case several times to find how often to run it: the last one is kept, and warm.
Steps& ready(const StepCase& step_case) {
  static std::pair<std::string, std::unique_ptr<Steps>> last;
  if (last.first == step_case.name) return *last.second;
  last.second.reset();  // its memory first
  last = {step_case.name, std::make_unique<Steps>(step_case)};
  last.second->run();
  return *last.second;
}

void measure(benchmark::State& state, const StepCase& step_case) {
  Steps& steps = ready(step_case);
  if (profile) steps.start_profile();
  for ([[maybe_unused]] auto _ : state) steps.run();
  // Runs of a single step only find out how many to do.
  if (profile && state.iterations() > 1) steps.print_profile();
  steps.check();
  state.SetItemsProcessed(state.iterations() * steps.images());
  const auto rate = [](double amount) { return Counter(amount, Counter::kIsIterationInvariantRate); };
  state.counters["GFLOPS"] = rate(steps.flops() * 1e-9);
  state.counters["peak_share"] = rate(steps.flops() / peak_flops(chosen_isa().name, step_case.threads));
  state.counters["bytes"] = steps.memory();
}

void register_all() {
  for (const StepCase& step_case : step_cases())
    benchmark::RegisterBenchmark(step_case.name.c_str(),
                                 [step_case](benchmark::State& state) { measure(state, step_case); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace
}  // namespace hone::bench

int main(int argc, char** argv) {
  char** end =
      std::remove_if(argv + 1, argv + argc, [](const char* option) { return option == std::string_view("--profile"); });
  hone::bench::profile = end != argv + argc;
  return hone::bench::run_cases(static_cast<int>(end - argv), argv, hone::bench::register_all);
}
