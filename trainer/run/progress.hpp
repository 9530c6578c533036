// What a user sees while something runs: a bar on a terminal, plain lines otherwise, on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/file.hpp"

namespace hone {

struct StepProgress {
  std::int64_t epoch = 0, epochs = 0;  // from 1
  std::int64_t step = 0, steps = 0;    // of the epoch
  double loss = 0, accuracy = 0;       // of the epoch so far
  double images_per_second = 0;
  double seconds_left = 0;  // of the whole run
};

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // From here on every line goes to this file as well, whether quiet or not.
  void log_to(const std::filesystem::path& file);

  // Cheap enough to be called after every step.
  void step(const StepProgress& progress) noexcept;
  // What goes on without a step: "evaluating 3,000 of 10,000". On a terminal only.
  void activity(std::string_view text) noexcept;
  void line(std::string_view text);
  // Shown even when quiet.
  void warning(std::string_view text);

 private:
  using Clock = std::chrono::steady_clock;

  bool due(std::chrono::milliseconds interval) noexcept;
  void draw(std::string_view text) noexcept;
  void clear() noexcept;

  bool quiet_;
  bool terminal_;
  bool colour_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
  std::optional<AppendFile> log_;
};

// 12,345
std::string with_commas(std::int64_t n);
// "3:07", "1:02:03"
std::string clock_text(double seconds);
// 0.9871 -> "98.71 %"
std::string percent(double share);

}  // namespace hone
