// The only place that knows OpenMP: a team of threads that runs one function at a time, all of them together.
#pragma once

#include <atomic>
#include <cstdint>

namespace hone {

// Threads of this machine that a process may use (its affinity mask).
int available_threads();

// Spins briefly, then yields: with the prefetch and checkpoint threads beside the team, pure spinning stalls.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() noexcept;
  // Changes the number of threads; nobody may be waiting.
  void expect(int threads) noexcept { threads_ = threads; }

 private:
  int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> generation_{0};
};

class Team {
 public:
  // threads < 1: as many as available_threads().
  explicit Team(int threads = 0);
  int size() const { return threads_; }

  // Runs body(context, thread, barrier) on every thread, thread = 0 .. size() - 1, in one parallel region;
  // flush-to-zero is set on each. The caller is thread 0. Where the system gives fewer threads, the last ones do not
  // run, and the barrier does not wait for them.
  using Body = void (*)(void* context, int thread, Barrier& barrier) noexcept;
  void run(Body body, void* context) noexcept;

 private:
  int threads_;
};

}  // namespace hone
