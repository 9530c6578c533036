// The only place that knows OpenMP: a team of threads that runs one function at a time, all of them together.
#pragma once

#include <atomic>
#include <cstdint>

namespace hone {

// Threads of this machine that a process may use (its affinity mask).
int available_threads();

// Waits until `value` is `wanted`; who changes it calls notify_all(). Spins briefly, then sleeps: with the prefetch and
// checkpoint threads beside the team, pure spinning stalls.
void wait_for(const std::atomic<std::uint32_t>& value, std::uint32_t wanted) noexcept;

class Barrier {
 public:
  // Does some of the work of threads that are not here yet; false: there is none at the moment.
  using Help = bool (*)(void* context, int thread) noexcept;

  explicit Barrier(int threads) : threads_(threads) {}
  // Waits as wait_for(), and helps whenever it can.
  void wait(Help help = nullptr, void* context = nullptr, int thread = 0) noexcept;
  // There is something to help with: wakes those who wait.
  void call_for_help() noexcept;
  // Changes the number of threads; nobody may be waiting.
  void expect(int threads) noexcept { threads_ = threads; }

 private:
  int threads_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<std::uint32_t> calls_{0};  // changes whenever those who sleep have to look again
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
