// Writes checkpoints on a thread of its own, in the order in which they were handed over, losing none. Where a stop is
// out of time (throw_if_out_of_time()), what is being written is given up: what went wrong is Stopped then.
#pragma once

#include <condition_variable>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/checkpoint/checkpoint.hpp"
#include "trainer/run/events.hpp"

namespace hone {

struct CheckpointJob {
  std::optional<Checkpoint> best;  // written first: last must never know of a best that is not there
  Checkpoint last;
  bool whole_epochs = false;  // last is also what divergence goes back to
  EventFields fields = {};    // of the event
};

class CheckpointWriter {
 public:
  // keep: how many of last.safetensors, last.1.safetensors ... The event log must outlive the writer.
  CheckpointWriter(std::filesystem::path folder, int keep, EventLog& events);
  ~CheckpointWriter();  // after what was handed over is written; errors are lost here, so wait() before
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // True where submit() would not wait. Rethrows what went wrong on the thread.
  bool idle();
  // Waits until the one before is written. Rethrows what went wrong on the thread.
  void submit(CheckpointJob job);
  // Until all of them are on the disk. Rethrows what went wrong on the thread.
  void wait();

  // What divergence goes back to: the state at the end of the last whole epoch.
  static std::filesystem::path rollback_path(const std::filesystem::path& folder);

 private:
  void run() noexcept;
  void write(const CheckpointJob& job) const;
  void wait_until_idle(std::unique_lock<std::mutex>& lock);

  const std::filesystem::path folder_;
  const int keep_;
  EventLog& events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<CheckpointJob> job_;  // there until it is written
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hone
