// What a report tells, read from run folders alone. These may come from a container that is not trusted: regular files
// only, no links, limited in size; what can't be read is told in the report and never ends it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "trainer/config/config.hpp"
#include "trainer/run/gate.hpp"
#include "trainer/run/history.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

struct ReportTrial {
  std::int64_t number = 0;  // 0: the user's own model
  std::string folder;       // "trial-3"; of a run by itself, its name

  std::optional<Metrics> metrics;
  std::vector<HistoryRow> history;  // at most kMostRows, evenly thinned: the first and the last epoch are there
  std::optional<double> validation_accuracy;
  std::optional<Config> config;
  std::string config_text;
  std::vector<std::pair<std::string, std::string>> parameters;  // of a program, which has no config

  std::string rule, change, reason;       // of a candidate
  std::vector<std::string> changes;       // in total against trial 0
  std::optional<std::string> model_file;  // best.safetensors, where it is there
  bool empty = false;                     // nothing of a run is there
  std::vector<Error> problems;

  // "finished", "diverged", "not finished", "damaged" ...
  std::string state() const;
};

struct Report {
  std::filesystem::path folder;
  std::string name;                 // of the model
  bool many = false;                // a folder of trials, not a run by itself
  std::vector<ReportTrial> trials;  // by number, at least one
  std::size_t left_out = 0;         // trials that are too many to be shown
  std::size_t best = 0;  // place of the trial other than 0 that was measured on the test split, else of trial 0
  Verdict verdict;       // on the best
  std::optional<Verdict> before;  // on trial 0, where the best is another

  const ReportTrial& winner() const { return trials[best]; }
  bool measured() const { return verdict.value.has_value(); }
  // "Target met", "Target not met", "No result"
  std::string headline() const;
  // Why, in a sentence.
  std::string why() const;
};

inline constexpr std::size_t kMostRows = 256;
inline constexpr std::size_t kMostTrials = 1000;

// A run folder, or one that holds trial-0, trial-1 ...; target: asked for, else trial 0's own. Error(data) where there
// is neither, Error(io) where the run, or the folder of trials, may not be read.
Report read_report(const std::filesystem::path& folder, std::optional<double> target = {});

}  // namespace hone
