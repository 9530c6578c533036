#include "trainer/run/stop_signal.hpp"

#include <sys/resource.h>
#include <time.h>

#include <cstdint>

namespace hone {
namespace {

std::atomic<int> requested{0};
std::atomic<std::int64_t> requested_at{0};  // nanoseconds; set before `requested`
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free,
              "used in a signal handler");

// May be called in a signal handler.
std::int64_t now_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

extern "C" void on_signal(int signal) {
  int none = 0;
  if (requested.load() == none) requested_at = now_ns();
  requested.compare_exchange_strong(none, signal);
}

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

const std::atomic<int>& stop_request() noexcept { return requested; }

void throw_if_out_of_time() {
  if (requested.load() == 0) return;
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto to_end = std::chrono::nanoseconds(kTimeToEndAGiB) * usage.ru_maxrss / (1 << 20);
  if (now_ns() - requested_at >= (kTimeToSave - to_end).count()) throw Stopped{requested};
}

void throw_if_stopped() {
  if (const int signal = requested.load(std::memory_order_relaxed); signal != 0) throw Stopped{signal};
}

}  // namespace hone
