#include "trainer/tweak/search.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/final_test.hpp"
#include "trainer/run/fresh_folder.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/run_folder.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/train.hpp"
#include "trainer/tweak/journal.hpp"
#include "trainer/tweak/outcome.hpp"
#include "trainer/tweak/tweak.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} << 30;

FileLock take(const fs::path& folder) {
  create_folders(folder);
  std::optional<FileLock> lock = FileLock::try_lock(folder / ".lock");
  if (!lock) throw Error(ErrorKind::usage, Location{folder.string()}, "another search is at work in this folder");
  return std::move(*lock);
}

void check_same(const Config& before, const Config& now, const fs::path& folder) {
  for (const Difference& difference : differences(before, now)) {
    const std::string& key = difference.key;
    if (key == "tweak.trials" || key == "tweak.minutes" || key.starts_with("train.checkpoint.")) continue;
    throw Error(ErrorKind::config, now.where,
                "differs from the search in " + folder.string() + ": " + difference.line() +
                    "; expected the same config, or another --out");
  }
}

std::string trial_name(std::int64_t number) { return "trial-" + std::to_string(number); }

class Search {
 public:
  Search(const Config& config, const SearchOptions& options, Journal& journal)
      : config_(config), options_(options), journal_(journal), progress_(options.quiet) {}

  Outcome run(FreshFolder& fresh) {
    std::string why;
    while (why.empty()) {
      const auto& trials = journal_.trials();
      if (trials.empty())
        journal_.write_trial(own_model());
      else if (trials.back().outcome && !propose(why))
        break;
      train_last();
      fresh.keep();
    }
    return close(why);
  }

 private:
  JournalTrial own_model() const {
    JournalTrial own;
    own.rule = "own";
    own.change = "as it is";
    own.config = config_;
    return own;
  }

  // Writes the next candidate into the journal; false with the reason where the search is over.
  bool propose(std::string& why) {
    const auto& trials = journal_.trials();
    std::vector<Trial> seen;
    double seconds = 0;
    for (const JournalTrial& trial : trials) {
      seen.push_back(*trial.outcome);
      seconds += trial.seconds;
    }
    if (standing(ranks_of(seen), trials[0].met, config_.target.at_least).reached)
      why = "the target is met";
    else if (static_cast<std::int64_t>(trials.size()) > config_.tweak.trials)
      why = "the budget of trials is spent";
    else if (seconds + trials.back().seconds > config_.tweak.minutes * 60)
      why = "the budget of time is spent";
    if (!why.empty()) return false;
    const std::optional<Proposal> next = next_candidate(seen);
    if (!next) {
      why = "no candidate is left";
      return false;
    }
    JournalTrial trial;
    trial.number = static_cast<std::int64_t>(trials.size());
    trial.base = static_cast<std::int64_t>(next->base);
    trial.rule = next->rule;
    trial.change = next->change;
    trial.reason = next->reason;
    trial.config = next->config;
    progress_.line(trial_name(trial.number) + ": " + next->sentence());
    journal_.write_trial(trial);
    return true;
  }

  void train_last() {
    JournalTrial trial = journal_.trials().back();
    const fs::path folder = options_.out / trial_name(trial.number);
    Config config = trial.config;
    if (trial.number == 0)
      config.source = config_.source;
    else
      config.source = "# " + trial.rule + ": " + trial.change + ", because " + trial.reason + "\n" + to_yaml(config);
    TrainOptions options = train_options(folder);
    options.test = trial.number == 0;
    const auto start = std::chrono::steady_clock::now();
    const TrainResult result = train(config, options);
    if (result.signal != 0) throw Stopped{result.signal};
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    trial.outcome = read_trial(folder);
    if (trial.number == 0) {
      trial.test_accuracy = result.metrics.accuracy;
      trial.met = result.metrics.met.value_or(false);
    }
    journal_.write_outcome(trial);
  }

  TrainOptions train_options(const fs::path& folder) const {
    TrainOptions options;
    options.out = folder;
    options.resume = true;
    options.threads = options_.threads;
    options.quiet = options_.quiet;
    return options;
  }

  // The winner's one look at the test split.
  Outcome close(const std::string& why) {
    Outcome outcome;
    outcome.name = config_.name;
    outcome.target = config_.target.at_least;
    outcome.ended_because = why;
    outcome.trials = journal_.trials();
    std::vector<Trial> seen;
    for (const JournalTrial& trial : outcome.trials) seen.push_back(*trial.outcome);
    outcome.best = static_cast<std::int64_t>(standing(ranks_of(seen), outcome.trials[0].met, outcome.target).best);
    const JournalTrial& best = outcome.trials[static_cast<std::size_t>(outcome.best)];
    outcome.before = outcome.after = outcome.trials[0].test_accuracy;
    outcome.met = outcome.trials[0].met;
    const fs::path folder = options_.out / trial_name(outcome.best);
    if (outcome.best > 0) {
      const Metrics metrics = measure_on_test(folder, config_.target.at_least, train_options(folder));
      outcome.after = metrics.accuracy;
      outcome.met = metrics.met.value_or(false);
    }
    for (const Difference& difference : differences(outcome.trials[0].outcome->config, best.config))
      outcome.changes.push_back(difference.line());
    for (const auto& [from, to] : {std::pair{"best.safetensors", "best.safetensors"},
                                   {"config.yaml", "best.yaml"},
                                   {"metrics.json", "metrics.json"}})
      if (fs::exists(folder / from)) write_file_atomically(options_.out / to, read_file(folder / from, kMaxFileBytes));
    return outcome;
  }

  const Config& config_;
  const SearchOptions& options_;
  Journal& journal_;
  Progress progress_;
};

}  // namespace

SearchResult search(const Config& given, const SearchOptions& options) {
  const StopSignals signals;
  Config config = given;
  if (config.data.validation == 0)
    throw Error(ErrorKind::config, config.data.where,
                "a search ranks candidates on validation images and data.validation is 0; expected a share above 0");
  resolve_model(config);
  const fs::path file = options.out / "search.json", journal_file = options.out / "search.jsonl";
  if (holds_run(options.out) && !fs::exists(journal_file))
    throw Error(ErrorKind::usage, Location{options.out.string()}, "holds a run; expected a folder for a search");
  FreshFolder fresh(options.out);
  const FileLock lock = take(options.out);
  sweep_temporaries(options.out);
  Journal journal(journal_file);
  if (!journal.start())
    journal.write_start(config);
  else
    check_same(*journal.start(), config, options.out);

  SearchResult result;
  result.untouched = journal.ended() && fs::exists(file);
  if (!result.untouched) {
    const Outcome outcome = Search(config, options, journal).run(fresh);
    write_file_atomically(file, format_outcome(outcome));
    journal.write_end();
  }
  fresh.keep();
  result.json = read_file(file, std::uint64_t{64} << 20);
  result.met = outcome_met(result.json, file.string());
  return result;
}

}  // namespace hone
