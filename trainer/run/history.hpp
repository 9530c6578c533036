// history.csv: a row an epoch. The same text is the checkpoint's hone.history, from which a resumed run restores the
// file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace hone {

// In the order of the columns. What is unknown is an empty field; what is not finite is nan, inf or -inf.
struct HistoryRow {
  std::int64_t epoch = 0;  // counts from 1 where training has ended one epoch
  std::int64_t step = 0;   // steps done in all
  std::optional<double> learning_rate;
  std::optional<double> train_loss;
  std::optional<double> train_accuracy;
  std::optional<double> validation_loss;
  std::optional<double> validation_accuracy;
  std::optional<double> seconds;
  std::optional<double> images_per_second;

  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

// Header and rows. Numbers are the shortest that read back as the same double, in any locale.
std::string format_history(std::span<const HistoryRow> rows);
// Throws Error(kind) with `file`, line and column.
std::vector<HistoryRow> parse_history(std::string_view csv, const std::string& file, ErrorKind kind = ErrorKind::data);

// Replaces the file atomically.
void write_history(const std::filesystem::path& path, std::span<const HistoryRow> rows);
// Error(data) where it is missing or not as expected.
std::vector<HistoryRow> read_history(const std::filesystem::path& path);

}  // namespace hone
