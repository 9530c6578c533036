// metrics.json: the outcome of a run, for scripts and for `hone gate`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hone {

enum class RunStatus { finished, early_stopped, diverged, interrupted };

std::string to_string(RunStatus status);

// What the answers were. More classes than kMostConfusionClasses are not kept: metrics.json stays small.
struct Confusion {
  std::vector<std::string> labels;
  std::vector<std::vector<std::int64_t>> counts;  // [right class][answer]

  friend bool operator==(const Confusion&, const Confusion&) = default;
};

inline constexpr std::size_t kMostConfusionClasses = 100;

// What is unknown is null in the file, and so is a number that is not finite.
struct Metrics {
  std::optional<std::string> name;
  std::optional<std::string> kind;  // cnn | dense | program
  RunStatus status = RunStatus::finished;
  std::optional<std::string> metric;  // of the target: accuracy
  std::optional<double> value;        // of that metric
  std::optional<double> target;       // in (0, 1]
  std::optional<bool> met;
  std::optional<double> accuracy;             // of best.safetensors on the test split, in [0, 1]
  std::optional<double> loss;                 // likewise
  std::optional<double> validation_accuracy;  // of best.safetensors
  std::optional<std::int64_t> epochs_done;
  std::optional<double> images_per_second;  // training images / wall time from first to last step
  std::optional<double> train_seconds;
  std::optional<std::int64_t> parameters;
  std::optional<std::int64_t> macs_per_image;
  std::optional<std::int64_t> peak_rss_bytes;
  std::optional<std::int64_t> threads;
  std::optional<std::string> isa;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> commit;  // $HONE_COMMIT
  std::optional<std::string> version;
  std::optional<std::int64_t> test_images;        // that accuracy was measured on
  std::optional<std::int64_t> validation_images;  // that validation_accuracy was measured on
  std::optional<Confusion> confusion;             // of best.safetensors on the test split

  friend bool operator==(const Metrics&, const Metrics&) = default;
};

std::string format_metrics(const Metrics& metrics);
// Replaces the file atomically.
void write_metrics(const std::filesystem::path& path, const Metrics& metrics);

// Strict: the file may come from a container that is not trusted. Regular files of at most 1 MiB only; a field of the
// wrong type or out of range, or without a status, is Error(data), as is a missing file; one that may not be read is
// Error(io). Fields that are missing are unknown; fields of other names are ignored.
Metrics read_metrics(const std::filesystem::path& path);

}  // namespace hone
