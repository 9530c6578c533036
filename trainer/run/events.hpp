// events.jsonl: what happened in a run, a JSON object a line, and by its modification time the run's heartbeat.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/file.hpp"

namespace hone {

enum class Event { start, epoch, checkpoint, resume, end };

// A double that is not finite is written as null.
using EventValue = std::variant<bool, std::int64_t, double, std::string>;
using EventFields = std::vector<std::pair<std::string, EventValue>>;

class EventLog {
 public:
  // Creates the file where it is missing; a torn last line is cut.
  explicit EventLog(const std::filesystem::path& path);

  // {"event": ..., "time": UTC, fields in the order given}. From any thread. Throws Error(io).
  void write(Event event, const EventFields& fields = {});
  // Refreshes the modification time, at most once a second: cheap enough to be called after every step and from any
  // thread.
  void heartbeat() noexcept;

 private:
  AppendFile file_;
  std::mutex mutex_;
  std::atomic<std::int64_t> last_beat_;  // steady clock, nanoseconds
};

}  // namespace hone
