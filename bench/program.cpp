#include "bench/program.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
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

int run_program(const char* program, const std::function<int()>& run) {
  try {
    return run();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return static_cast<int>(ErrorKind::internal);
  }
}

int run_cases(int argc, char** argv, void (*register_cases)()) {
  return run_program(argv[0], [&] {
    benchmark::AddCustomContext("HONE_ISA", chosen_isa().name);
    benchmark::AddCustomContext("hone_threads", std::to_string(available_threads()));
    register_cases();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return static_cast<int>(ErrorKind::usage);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
  });
}

}  // namespace hone::bench
