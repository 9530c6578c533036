// What the bench programs share.
#pragma once

#include <vector>

namespace hone::bench {

// Numbers of threads that cases run with: 1, 2, 4 ... and all that the process may use.
std::vector<int> thread_counts();

// main() of a bench: `register_cases`, Google Benchmark's own options, one line a failure. Returns the exit code.
int run_program(int argc, char** argv, void (*register_cases)());

}  // namespace hone::bench
