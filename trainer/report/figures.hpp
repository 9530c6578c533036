// Numbers of a run for people. Any double may come in: files are not trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/report/runs.hpp"

namespace hone {

inline constexpr char kUnknown[] = "\xE2\x80\x93";  // an en dash

// 0.98531 -> "98.53 %"
std::string percent_text(double share);
std::string percent_text(const std::optional<double>& share);
// "98.27 % to 98.75 %"
std::string interval_text(const Interval& interval);
// 12345 -> "12,345"
std::string count_text(const std::optional<std::int64_t>& count);
std::string rate_text(const std::optional<double>& per_second);
// "43.2 s", "3 min 7 s", "1 h 2 min"
std::string duration_text(const std::optional<double>& seconds);
// "123.4 MB"
std::string bytes_text(const std::optional<std::int64_t>& bytes);

// "Trial 3"; of a run by itself "The run".
std::string trial_name(const Report& report, const ReportTrial& trial);
// "more_epochs: epochs 2 -> 4"; of the user's own model "as it is".
std::string change_text(const ReportTrial& trial);
// Of all trials together; nothing where none tells.
std::optional<double> total_seconds(const Report& report);
// Of each epoch that has one.
std::vector<double> validation_accuracies(const ReportTrial& trial);
// "98.53 % (95 %: 98.27 % to 98.75 %)"
std::string value_text(const Verdict& verdict);

}  // namespace hone
