#include "trainer/report/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/run/progress.hpp"

namespace hone {

std::string percent_text(double share) { return std::isfinite(share) ? percent(share) : kUnknown; }

std::string percent_text(const std::optional<double>& share) { return share ? percent_text(*share) : kUnknown; }

std::string interval_text(const Interval& interval) {
  return percent_text(interval.low) + " to " + percent_text(interval.high);
}

std::string count_text(const std::optional<std::int64_t>& count) { return count ? with_commas(*count) : kUnknown; }

std::string rate_text(const std::optional<double>& per_second) {
  if (!per_second || !std::isfinite(*per_second)) return kUnknown;
  return with_commas(std::llround(std::clamp(*per_second, 0.0, 1e15)));
}

std::string duration_text(const std::optional<double>& seconds) {
  if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return kUnknown;
  if (*seconds < 100) return fmt::format("{:.1f} s", *seconds);
  const std::int64_t s = std::llround(std::min(*seconds, 1e12));
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} h {} min", with_commas(s / 3600), s / 60 % 60);
}

std::string bytes_text(const std::optional<std::int64_t>& bytes) {
  if (!bytes) return kUnknown;
  return fmt::format("{:.1f} MB", static_cast<double>(*bytes) / 1e6);
}

std::string trial_name(const Report& report, const ReportTrial& trial) {
  return report.many ? "Trial " + std::to_string(trial.number) : "The run";
}

std::string change_text(const ReportTrial& trial) {
  if (!trial.rule.empty()) return trial.rule + ": " + trial.change;
  if (trial.number == 0) return "as it is";
  std::string all;
  for (const std::string& change : trial.changes) all += (all.empty() ? "" : ", ") + change;
  return all.empty() ? kUnknown : all;
}

std::optional<double> total_seconds(const Report& report) {
  std::optional<double> total;
  for (const ReportTrial& trial : report.trials)
    if (trial.metrics && trial.metrics->train_seconds) total = total.value_or(0) + *trial.metrics->train_seconds;
  return total;
}

std::vector<double> validation_accuracies(const ReportTrial& trial) {
  std::vector<double> values;
  for (const HistoryRow& row : trial.history)
    if (row.validation_accuracy && *row.validation_accuracy >= 0 && *row.validation_accuracy <= 1)
      values.push_back(*row.validation_accuracy);
  return values;
}

std::string value_text(const Verdict& verdict) {
  if (!verdict.value) return "not measured";
  return percent_text(*verdict.value) + (verdict.interval ? " (95 %: " + interval_text(*verdict.interval) + ")" : "");
}

}  // namespace hone
