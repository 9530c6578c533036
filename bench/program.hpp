// What the bench programs share.
#pragma once

#include <functional>
#include <vector>

namespace hone::bench {

// Numbers of threads that cases run with: 1, 2, 4 ... and all that the process may use.
std::vector<int> thread_counts();

// main() of a program: `run` returns the exit code; what it throws is one line on stderr and an exit code.
int run_program(const char* program, const std::function<int()>& run);

// main() of a bench: `register_cases`, Google Benchmark's own options.
int run_cases(int argc, char** argv, void (*register_cases)());

}  // namespace hone::bench
