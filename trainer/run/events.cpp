#include "trainer/run/events.hpp"

#include <fmt/chrono.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace hone {

namespace {

using nlohmann::ordered_json;

constexpr std::array kEventNames = {"start", "epoch", "checkpoint", "resume", "end"};

std::int64_t now_ns() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// 2024-05-01T12:00:00.123Z
std::string utc_now() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                     (now - second).count());
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& path) : file_(path), last_beat_(now_ns()) { file_.touch(); }

void EventLog::write(Event event, const EventFields& fields) {
  ordered_json line;
  line["event"] = kEventNames[static_cast<std::size_t>(event)];
  line["time"] = utc_now();
  for (const auto& [name, value] : fields)
    std::visit([&line, &key = name](const auto& held) { line[key] = held; }, value);
  const std::string text = line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  const std::lock_guard lock(mutex_);
  file_.append_line(text);
  last_beat_ = now_ns();
}

void EventLog::heartbeat() noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t now = now_ns();
  std::int64_t last = last_beat_.load(std::memory_order_relaxed);
  // Of several threads that are late at once, one touches the file.
  if (now - last >= kSecond && last_beat_.compare_exchange_strong(last, now, std::memory_order_relaxed)) file_.touch();
}

}  // namespace hone
