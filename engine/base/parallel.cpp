#include "engine/base/parallel.hpp"

#include <omp.h>
#include <sched.h>

#include <algorithm>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace hone {
namespace {

// Some ten microseconds to a hundred, as a pause takes: longer than any imbalance of a quiet machine, shorter than a
// scheduler's time slice.
constexpr int kSpins = 2000;

void pause_briefly() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Denormals cost hundreds of cycles each, and whether they are flushed changes results: always flushed, on every
// thread.
class FlushToZero {
 public:
#if defined(__x86_64__)
  FlushToZero() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlush); }
  ~FlushToZero() { _mm_setcsr(saved_); }

 private:
  static constexpr unsigned kFlush = 0x8040;  // flush-to-zero and denormals-are-zero
  unsigned saved_;
#elif defined(__aarch64__)
  FlushToZero() noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (std::uint64_t{1} << 24)));
  }
  ~FlushToZero() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  std::uint64_t saved_ = 0;
#endif
};

}  // namespace

int available_threads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, omp_get_num_procs());
}

void wait_for(const std::atomic<std::uint32_t>& value, std::uint32_t wanted) noexcept {
  for (int spin = 0;;) {
    const std::uint32_t seen = value.load(std::memory_order_acquire);
    if (seen == wanted) return;
    if (++spin < kSpins)
      pause_briefly();
    else
      value.wait(seen, std::memory_order_acquire);
  }
}

void Barrier::wait(Help help, void* context, int thread) noexcept {
  if (threads_ == 1) return;
  const std::uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    call_for_help();
    return;
  }
  for (int spin = 0;;) {
    const std::uint32_t calls = calls_.load(std::memory_order_acquire);
    if (generation_.load(std::memory_order_acquire) != generation) return;
    if (help != nullptr && help(context, thread))
      spin = 0;
    else if (++spin < kSpins)
      pause_briefly();
    else
      calls_.wait(calls, std::memory_order_acquire);
  }
}

void Barrier::call_for_help() noexcept {
  calls_.fetch_add(1, std::memory_order_release);
  calls_.notify_all();
}

Team::Team(int threads) : threads_(threads < 1 ? available_threads() : threads) {}

void Team::run(Body body, void* context) noexcept {
  Barrier barrier(threads_);
  if (threads_ == 1) {
    const FlushToZero flush;
    body(context, 0, barrier);
    return;
  }
#pragma omp parallel num_threads(threads_)
  {
    // OpenMP may give fewer threads than asked for: OMP_THREAD_LIMIT, OMP_DYNAMIC, a region inside another one.
    const int given = omp_get_num_threads();
    if (given != threads_) {
#pragma omp single
      barrier.expect(given);
    }
    const FlushToZero flush;
    body(context, omp_get_thread_num(), barrier);
  }
}

}  // namespace hone
