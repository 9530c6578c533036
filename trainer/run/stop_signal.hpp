// SIGINT and SIGTERM as a request that training, evaluation and decoding look at between two pieces of work.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>

namespace hone {

// Takes both signals while it lives. A second signal is the same request again.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct sigaction before_int_ = {}, before_term_ = {};
};

// All signals are blocked in the calling thread while it lives, and for good in threads that it starts.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// The signal that came first; 0: none did.
const std::atomic<int>& stop_request() noexcept;

// Thrown to leave whatever is going on; exit code 128 + signal.
struct Stopped {
  int signal = 0;
};

void throw_if_stopped();

// A stop has two seconds. What is not on the disk this long after the signal is given up; for each GiB that the program
// has needed, the system takes back so much of the rest.
inline constexpr std::chrono::milliseconds kTimeToSave{1200}, kTimeToEndAGiB{200};
// Throws Stopped once a stop was requested that long ago, and from then on.
void throw_if_out_of_time();

}  // namespace hone
