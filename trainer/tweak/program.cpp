#include "trainer/tweak/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/rng.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/tweak/trial.hpp"

namespace hone {
namespace {

constexpr std::uint64_t kMaxValuesBytes = std::uint64_t{1} << 20;
constexpr std::size_t kSpread = 2;
constexpr double kFirstRadius = 0.2, kShrink = 0.9, kLeastRadius = 0.02;
constexpr int kAttempts = 100;  // at values that were not tried yet, before all of them are gone through

using Shares = std::vector<double>;

// The search after at least one run.
class Stepper {
 public:
  Stepper(const ProgramConfig& config, const std::vector<ProgramTrial>& trials)
      : config_(config),
        parameters_(config.program.parameters),
        trials_(trials),
        random_(derive_key(static_cast<std::uint64_t>(config.seed), "tweak.program"), trials.size()) {
    for (const ProgramTrial& trial : trials) ranks_.push_back(trial.rank);
    best_ = best_of(ranks_);
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      if (count_of(parameters_[i]) > 1) movable_.push_back(i);
  }

  std::optional<ValuesProposal> next() {
    if (movable_.empty()) return std::nullopt;
    const std::size_t done = trials_.size() - 1;  // beside the first
    if (done < kSpread || !trials_[best_].accuracy)
      if (auto values = fresh([&](int attempt) { return spread_out(done + static_cast<std::size_t>(attempt)); }))
        return proposal("spread", *values,
                        fmt::format("it is one of {} that are spread over all values and {}", kSpread, so_far()));
    const std::size_t failed = done - std::min(done, std::max(kSpread, best_));
    if (failed == 0 && best_ > kSpread)
      if (auto values = onward())
        return proposal("same direction", *values,
                        fmt::format("the last step in it gained {} and {}", percent(gain()), so_far()));
    if (auto values = fresh([&](int attempt) { return nearby(failed, attempt); }))
      return proposal("near the best", *values, nearby_reason(failed));
    if (auto values = left())
      return proposal("what is left", *values, "all of its neighbours were tried and " + so_far());
    return std::nullopt;
  }

 private:
  // What `shares` gives and no run has had.
  template <class Make>
  std::optional<Values> fresh(Make make) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      Values values = values_at(make(attempt));
      if (!tried(values)) return values;
    }
    return std::nullopt;
  }

  bool tried(const Values& values) const {
    return std::any_of(trials_.begin(), trials_.end(), [&](const ProgramTrial& t) { return t.values == values; });
  }

  Shares shares_of(const Values& values) const {
    Shares shares;
    for (std::size_t i = 0; i < values.size(); ++i) shares.push_back(share_of(parameters_[i], values[i]));
    return shares;
  }

  // What a share does not move stays bitwise what it is.
  Values values_at(const Shares& shares) const {
    Values values = trials_[best_].values;
    const Shares before = shares_of(values);
    for (const std::size_t i : movable_)
      if (shares[i] != before[i]) values[i] = value_at(parameters_[i], shares[i]);
    return values;
  }

  // The n-th point of a sequence that fills a cube evenly, moved by the seed: Roberts, "The unreasonable effectiveness
  // of quasirandom sequences" (2018).
  Shares spread_out(std::size_t n) const {
    const auto d = static_cast<double>(movable_.size());
    double phi = 2;
    for (int i = 0; i < 50; ++i) phi = std::pow(1 + phi, 1 / (d + 1));
    Random moved(derive_key(static_cast<std::uint64_t>(config_.seed), "tweak.spread"), 0);
    Shares shares = shares_of(trials_[best_].values);
    double step = 1;
    for (const std::size_t i : movable_) {
      step /= phi;
      const double at = moved.uniform() + static_cast<double>(n + 1) * step;
      shares[i] = at - std::floor(at);
    }
    return shares;
  }

  // The run that the best one was made from, as far as ranks tell.
  std::size_t before_best() const { return best_of(std::span(ranks_).first(best_)); }
  double gain() const { return ranks_[best_].value - ranks_[before_best()].value; }

  // The step that led to the best run, once more.
  std::optional<Values> onward() const {
    const Shares before = shares_of(trials_[before_best()].values);
    Shares shares = shares_of(trials_[best_].values);
    for (const std::size_t i : movable_)
      if (parameters_[i].kind != ParameterKind::choice) shares[i] = std::clamp(2 * shares[i] - before[i], 0.0, 1.0);
    Values values = values_at(shares);
    if (tried(values)) return std::nullopt;
    return values;
  }

  // Some parameters of the best run moved by at most the radius, at least one of them.
  Shares nearby(std::size_t failed, int attempt) {
    const double radius =
        std::max(kFirstRadius * std::pow(kShrink, static_cast<double>(failed)), kLeastRadius) * (1 + 0.1 * attempt);
    Shares shares = shares_of(trials_[best_].values);
    const std::size_t surely = movable_[random_.below(movable_.size())];
    for (const std::size_t i : movable_)
      if (i == surely || random_.uniform() < 0.5) shares[i] = moved(parameters_[i], shares[i], radius);
    return shares;
  }

  double moved(const Parameter& parameter, double share, double radius) {
    if (parameter.kind == ParameterKind::choice) return random_.uniform();
    // Far enough that an integer becomes another one.
    if (parameter.kind == ParameterKind::integer)
      radius = std::max(radius, 1.5 / static_cast<double>(count_of(parameter)));
    const double step = radius * (0.2 + 0.8 * random_.uniform());
    const double to = random_.below(2) == 0 ? share - step : share + step;
    return to < 0 ? std::min(-to, 1.0) : to > 1 ? std::max(2 - to, 0.0) : to;
  }

  // The first of all values, in order, that were not tried: among one more than there are runs there is one.
  std::optional<Values> left() const {
    for (std::uint64_t n = 0; n <= trials_.size(); ++n) {
      Values values = trials_[best_].values;
      std::uint64_t rest = n;
      for (const std::size_t i : movable_) {
        const std::uint64_t count = count_of(parameters_[i]);
        values[i] = nth_value(parameters_[i], rest % count);
        rest /= count;
      }
      if (rest > 0) break;
      if (!tried(values)) return values;
    }
    return std::nullopt;
  }

  ValuesProposal proposal(const char* rule, Values values, std::string reason) const {
    std::string change;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (const OptionValue& before = trials_[best_].values[i]; values[i] != before)
        change += fmt::format("{}{} {} -> {}", change.empty() ? "" : ", ", parameters_[i].name, text_of(before),
                              text_of(values[i]));
    return {{rule, best_, std::move(change), std::move(reason)}, std::move(values)};
  }

  // Of the best run, and what it was measured on.
  std::string so_far() const {
    const ProgramTrial& best = trials_[best_];
    if (!best.accuracy) return "no run has an accuracy yet";
    return fmt::format("the best so far has {} {}, target {}",
                       best.validated ? "a validation accuracy of" : "an accuracy (there is no validation accuracy) of",
                       percent(*best.accuracy), percent(config_.target.at_least));
  }

  std::string nearby_reason(std::size_t failed) const {
    if (failed == 0) return so_far();
    return fmt::format("{} and {} {} from it did not help: the next is smaller", so_far(), failed,
                       failed == 1 ? "step" : "steps");
  }

  const ProgramConfig& config_;
  const std::vector<Parameter>& parameters_;
  const std::vector<ProgramTrial>& trials_;
  Random random_;
  std::vector<Rank> ranks_;
  std::size_t best_ = 0;
  std::vector<std::size_t> movable_;
};

ValuesProposal defaults(const ProgramConfig& config) {
  ValuesProposal first{{"defaults", 0, {}, "nothing was run yet"}, first_values(config)};
  for (std::size_t i = 0; i < first.values.size(); ++i)
    first.change +=
        fmt::format("{}{} {}", i > 0 ? ", " : "", config.program.parameters[i].name, text_of(first.values[i]));
  if (first.values.empty()) first.change = "no parameters";
  return first;
}

}  // namespace

ProgramTrial program_trial(Values values, const Metrics& metrics) {
  ProgramTrial trial;
  trial.values = std::move(values);
  if (metrics.status == RunStatus::diverged) return trial;
  trial.validated = metrics.validation_accuracy.has_value();
  trial.accuracy = trial.validated ? metrics.validation_accuracy : metrics.accuracy;
  const auto images = trial.validated ? metrics.validation_images : metrics.test_images;
  if (trial.accuracy) trial.rank = {images ? cautious(*trial.accuracy, *images) : *trial.accuracy, true};
  return trial;
}

ProgramTrial read_program_trial(const ProgramConfig& config, const std::filesystem::path& run) {
  std::filesystem::path folder = run.lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "trials/trial-1/"
  const std::filesystem::path file = folder.string() + ".json";
  const Metrics metrics = read_metrics(folder / "metrics.json");
  if (metrics.status == RunStatus::interrupted)
    throw Error(ErrorKind::data, Location{(folder / "metrics.json").string()},
                "the run was interrupted; expected one that has ended");
  const InputRules rules{.missing = ErrorKind::data, .follow_links = false};
  return program_trial(parse_values(config, read_file(file, kMaxValuesBytes, rules), file.string()), metrics);
}

std::optional<ValuesProposal> next_values(const ProgramConfig& config, const std::vector<ProgramTrial>& trials) {
  if (trials.empty()) return defaults(config);
  return Stepper(config, trials).next();
}

}  // namespace hone
