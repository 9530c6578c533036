// Run folders as training leaves them, written by hand.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"
#include "trainer/run/history.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {

inline std::string config_text(const std::string& name, int filters, double target = 0.9) {
  return "name: " + name +
         "\ndata: {format: idx, path: /data/small, validation: 0.2}\n"
         "model:\n  input: [1, 8, 8]\n  layers:\n    - conv: {filters: " +
         std::to_string(filters) +
         ", kernel: 3}\n    - dense: 4\ntrain: {epochs: 3}\ntarget: {at_least: " + std::to_string(target) + "}\n";
}

inline Metrics ended(double validation, std::optional<double> accuracy = {}) {
  Metrics metrics;
  metrics.name = "small";
  metrics.metric = "accuracy";
  metrics.target = 0.9;
  metrics.validation_accuracy = validation;
  metrics.validation_images = 100;
  metrics.epochs_done = 3;
  metrics.train_seconds = 12.5;
  metrics.images_per_second = 4000;
  if (accuracy) {
    metrics.accuracy = metrics.value = accuracy;
    metrics.test_images = 1000;
  }
  return metrics;
}

inline std::vector<HistoryRow> rising_to(double accuracy, int epochs = 3) {
  std::vector<HistoryRow> rows;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    HistoryRow row;
    row.epoch = epoch;
    row.step = 10 * epoch;
    row.train_loss = 2.0 / epoch;
    row.train_accuracy = accuracy - 0.1 * (epochs - epoch) / epochs;
    row.validation_loss = 2.2 / epoch;
    row.validation_accuracy = accuracy - 0.2 * (epochs - epoch) / epochs;
    rows.push_back(row);
  }
  return rows;
}

// A folder with trial 0 below its target and trial 1 and 2, of which 2 was measured on the test split.
struct Trials {
  TemporaryFolder folder;

  Trials() {
    write(0, ended(0.8, 0.81), 4);
    write(1, ended(0.87), 8, "# wider: filters 4 -> 8, because it underfits\n");
    write(2, ended(0.93, 0.94), 16, "# wider: filters 8 -> 16, because it still underfits\n");
  }

  std::filesystem::path path(int number) const { return folder / ("trial-" + std::to_string(number)); }

  void write(int number, const Metrics& metrics, int filters, const std::string& comment = "") const {
    const std::string name = "trial-" + std::to_string(number), config = config_text("small", filters);
    folder.write(name + "/source.yaml", comment + config);
    folder.write(name + "/config.yaml", config);
    folder.write(name + "/history.csv", format_history(rising_to(metrics.validation_accuracy.value_or(0.5))));
    folder.write(name + "/metrics.json", format_metrics(metrics));
    folder.write(name + "/best.safetensors", "weights");
  }
};

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace hone::testing
