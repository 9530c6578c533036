#include "bench/program.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {

std::vector<int> thread_counts() {
  const int most = available_threads();
  std::vector<int> counts;
  for (int threads = 1; threads < most; threads *= 2) counts.push_back(threads);
  counts.push_back(most);
  return counts;
}

int run_program(int argc, char** argv, void (*register_cases)()) {
  try {
    benchmark::AddCustomContext("HONE_ISA", chosen_isa().name);
    benchmark::AddCustomContext("hone_threads", std::to_string(available_threads()));
    register_cases();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return static_cast<int>(ErrorKind::usage);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return static_cast<int>(ErrorKind::internal);
  }
  return 0;
}

}  // namespace hone::bench
