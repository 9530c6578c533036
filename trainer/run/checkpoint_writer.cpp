#include "trainer/run/checkpoint_writer.hpp"

#include <utility>

#include "engine/base/file.hpp"
#include "engine/checkpoint/rotation.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, int keep, EventLog& events)
    : folder_(std::move(folder)), keep_(keep), events_(events) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

CheckpointWriter::~CheckpointWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::filesystem::path CheckpointWriter::rollback_path(const std::filesystem::path& folder) {
  return folder / "epoch.safetensors";
}

void CheckpointWriter::run() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return job_ || stopping_; });
    if (!job_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      write(*job_);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    job_.reset();
    if (failure) failure_ = failure;
    changed_.notify_all();
  }
}

void CheckpointWriter::write(const CheckpointJob& job) const {
  if (job.best) write_checkpoint(folder_ / "best.safetensors", *job.best, throw_if_out_of_time);
  save_last(folder_, job.last, keep_, throw_if_out_of_time);
  // A second name of the same file costs nothing: last.safetensors is replaced, never written over.
  if (job.whole_epochs) link_over(folder_ / "last.safetensors", rollback_path(folder_));
  events_.write(Event::checkpoint, job.fields);
}

bool CheckpointWriter::idle() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  return !job_;
}

void CheckpointWriter::wait_until_idle(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return !job_; });
  if (failure_) std::rethrow_exception(failure_);
}

void CheckpointWriter::submit(CheckpointJob job) {
  {
    std::unique_lock lock(mutex_);
    wait_until_idle(lock);
    job_ = std::move(job);
  }
  changed_.notify_all();
}

void CheckpointWriter::wait() {
  std::unique_lock lock(mutex_);
  wait_until_idle(lock);
}

}  // namespace hone
