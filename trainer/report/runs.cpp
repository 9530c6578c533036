#include "trainer/report/runs.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/file.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/parameters.hpp"
#include "trainer/run/final_test.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxHistoryBytes = std::uint64_t{8} << 20;

// Something of that name, be it a link. What can't be told is taken for there: opening it will tell.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error));
}

std::string read_text(const fs::path& path, std::uint64_t max_bytes) {
  return read_file(path, max_bytes, {.missing = ErrorKind::data, .follow_links = false});
}

// Calls read where the file is there; what is wrong with it becomes a problem of the trial.
template <class Read>
void try_to_read(const fs::path& path, ReportTrial& trial, Read read) {
  if (!is_there(path)) return;
  trial.empty = false;
  try {
    read();
  } catch (const Error& error) {
    trial.problems.push_back(error);
  }
}

std::optional<double> share(const std::optional<double>& value) {
  return value && *value >= 0 && *value <= 1 ? value : std::nullopt;
}

void put_history(std::vector<HistoryRow> rows, ReportTrial& trial) {
  for (const HistoryRow& row : rows)
    if (const auto value = share(row.validation_accuracy); value && !(trial.validation_accuracy >= value))
      trial.validation_accuracy = value;
  if (rows.size() > kMostRows) {
    for (std::size_t k = 0; k < kMostRows; ++k) rows[k] = rows[k * (rows.size() - 1) / (kMostRows - 1)];
    rows.resize(kMostRows);
  }
  trial.history = std::move(rows);
}

// "# rule: change, because reason"
void put_comment(std::string_view source, ReportTrial& trial) {
  std::string_view line = source.substr(0, source.find('\n'));
  constexpr std::string_view kStart = "# ", kBecause = ", because ";
  const std::size_t colon = line.find(": "), because = line.find(kBecause);
  if (!line.starts_with(kStart) || colon == std::string_view::npos || because == std::string_view::npos ||
      because < colon)
    return;
  trial.rule = line.substr(kStart.size(), colon - kStart.size());
  trial.change = line.substr(colon + 2, because - colon - 2);
  trial.reason = line.substr(because + kBecause.size());
}

ReportTrial read_trial_folder(const fs::path& run, std::int64_t number) {
  ReportTrial trial;
  trial.number = number;
  trial.folder = run.filename().string();
  trial.empty = true;
  const auto file = [&](const char* name) { return run / name; };
  try_to_read(file("metrics.json"), trial, [&] { trial.metrics = read_metrics(file("metrics.json")); });
  try_to_read(file("history.csv"), trial, [&] {
    const fs::path history = file("history.csv");
    put_history(parse_history(read_text(history, kMaxHistoryBytes), history.string()), trial);
  });
  try_to_read(file("config.yaml"), trial, [&] {
    trial.config_text = read_text(file("config.yaml"), kMaxTextBytes);
    trial.config = parse_config(trial.config_text, file("config.yaml").string());
  });
  if (number > 0)
    try_to_read(file("source.yaml"), trial, [&] { put_comment(read_text(file("source.yaml"), kMaxTextBytes), trial); });
  if (trial.config_text.empty()) {
    const fs::path beside = run.string() + ".json";
    const bool empty = trial.empty;
    try_to_read(beside, trial, [&] { trial.parameters = parse_parameters(read_text(beside, kMaxTextBytes)); });
    trial.empty = empty;
  }
  if (trial.metrics && trial.metrics->validation_accuracy)
    trial.validation_accuracy = trial.metrics->validation_accuracy;
  std::error_code error;
  if (fs::is_regular_file(fs::symlink_status(file("best.safetensors"), error))) trial.model_file = "best.safetensors";
  return trial;
}

// The numbers of the folders trial-0, trial-1 ...
std::vector<std::int64_t> trial_numbers(const fs::path& folder) {
  std::vector<std::int64_t> numbers;
  std::error_code error;
  constexpr std::string_view kPrefix = "trial-";
  for (const std::string& name : list_folder(folder, error)) {
    std::int64_t number = -1;
    const char *begin = name.data() + kPrefix.size(), *end = name.data() + name.size();
    if (!name.starts_with(kPrefix) || std::from_chars(begin, end, number).ptr != end || number < 0 ||
        name != std::string(kPrefix) + std::to_string(number) || !is_folder(folder / name))
      continue;
    numbers.push_back(number);
  }
  if (error) {
    const bool missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    throw Error(missing ? ErrorKind::data : ErrorKind::io, Location{folder.string()},
                "cannot be listed: " + error.message());
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void put_changes(const ReportTrial& own, ReportTrial& trial) {
  if (own.config && trial.config)
    for (const Difference& difference : differences(*own.config, *trial.config))
      trial.changes.push_back(difference.line());
  for (const auto& [name, value] : trial.parameters) {
    const auto before = std::find_if(own.parameters.begin(), own.parameters.end(),
                                     [&key = name](const auto& parameter) { return parameter.first == key; });
    if (before == own.parameters.end())
      trial.changes.push_back(name + ": " + value);
    else if (before->second != value)
      trial.changes.push_back(name + ": " + before->second + " -> " + value);
  }
}

// Several have an accuracy only where somebody wrote it there: then the best on the validation split.
std::size_t best_of(const std::vector<ReportTrial>& trials) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].number == 0 || !trials[i].metrics || !trials[i].metrics->accuracy) continue;
    if (trials[best].number == 0 || best == i ||
        trials[i].validation_accuracy.value_or(-1) > trials[best].validation_accuracy.value_or(-1) ||
        !trials[best].metrics || !trials[best].metrics->accuracy)
      best = i;
  }
  return best;
}

Verdict verdict_on(const ReportTrial& trial, double target) {
  if (trial.metrics && trial.metrics->status != RunStatus::interrupted && !untested(*trial.metrics))
    return judge(*trial.metrics, target, trial.folder);
  Verdict verdict;
  verdict.metric = "accuracy";
  verdict.target = target;
  return verdict;
}

double target_of(const ReportTrial& trial) {
  if (trial.metrics && trial.metrics->target) return *trial.metrics->target;
  return trial.config ? trial.config->target.at_least : kDefaultTarget;
}

std::string name_of(const ReportTrial& trial) {
  if (trial.metrics && trial.metrics->name && !trial.metrics->name->empty()) return *trial.metrics->name;
  return trial.config ? trial.config->name : trial.folder;
}

}  // namespace

std::string ReportTrial::state() const {
  if (metrics) {
    std::string text = to_string(metrics->status);
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
  }
  if (!problems.empty()) return "damaged";
  return empty ? "nothing there" : "not finished";
}

std::string Report::headline() const {
  if (verdict.met) return "Target met";
  const bool diverged = winner().metrics && winner().metrics->status == RunStatus::diverged;
  return measured() || diverged ? "Target not met" : "No result";
}

std::string Report::why() const {
  const ReportTrial& trial = winner();
  const std::string target = percent_text(verdict.target);
  if (trial.metrics && trial.metrics->status == RunStatus::diverged) return "The training diverged.";
  if (measured())
    return "The " + verdict.metric + " on the test split is " + percent_text(*verdict.value) + "; at least " + target +
           (verdict.met ? " was" : " is") + " asked for.";
  if (trial.metrics && trial.metrics->status != RunStatus::interrupted)
    return "The accuracy on the test split was not measured; at least " + target + " is asked for.";
  return "The training is " + trial.state() + ": there is no accuracy to hold against the target of " + target + ".";
}

Report read_report(const fs::path& folder, std::optional<double> target) {
  Report report;
  report.folder = folder.lexically_normal();
  if (!report.folder.has_filename()) report.folder = report.folder.parent_path();  // "runs/"
  const auto holds = [&](const char* name) { return is_there(report.folder / name); };
  constexpr std::array kOfARun = {"config.yaml", "history.csv", "events.jsonl"};
  std::vector<std::int64_t> numbers;
  if (std::none_of(kOfARun.begin(), kOfARun.end(), holds)) numbers = trial_numbers(report.folder);
  report.many = !numbers.empty();
  if (!report.many && !holds("metrics.json") && std::none_of(kOfARun.begin(), kOfARun.end(), holds))
    throw Error(ErrorKind::data, Location{folder.string()},
                "holds no run; expected a run folder, or one with folders trial-0, trial-1 ...");
  if (report.many) {
    report.left_out = numbers.size() - std::min(numbers.size(), kMostTrials);
    numbers.resize(numbers.size() - report.left_out);
    for (const std::int64_t number : numbers)
      report.trials.push_back(read_trial_folder(report.folder / ("trial-" + std::to_string(number)), number));
    if (report.trials[0].number == 0)
      for (std::size_t i = 1; i < report.trials.size(); ++i) put_changes(report.trials[0], report.trials[i]);
  } else {
    report.trials.push_back(read_trial_folder(report.folder, 0));
    // Of many trials, one that may not be read is told like a damaged one.
    for (const Error& problem : report.trials[0].problems)
      if (problem.kind() == ErrorKind::io) throw problem;
  }
  report.best = best_of(report.trials);
  const double asked = target.value_or(target_of(report.trials[0]));
  report.verdict = verdict_on(report.winner(), asked);
  if (report.winner().number != 0 && report.trials[0].number == 0) report.before = verdict_on(report.trials[0], asked);
  report.name = name_of(report.winner());
  return report;
}

}  // namespace hone
