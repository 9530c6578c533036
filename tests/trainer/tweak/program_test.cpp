// What a tweak proposes for a program, held against objectives that are known and against pure chance.
#include "trainer/tweak/program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/base/rng.hpp"
#include "trainer/config/loader.hpp"

namespace hone {
namespace {

ProgramConfig config_of(const std::string& parameters, int seed = 1) {
  return parse_program("seed: " + std::to_string(seed) + "\nprogram: {command: [x], parameters: {" + parameters +
                           "}}\ntarget: {at_least: 0.99}\n",
                       "c.yaml");
}

constexpr char kTypical[] =
    "rate: {type: real, low: 1.0e-5, high: 1, log: true}, filters: {type: int, low: 1, high: 32}, "
    "momentum: {type: real, low: 0, high: 0.99}, kind: {type: choice, values: [a, b, c]}";

ProgramTrial trial_of(Values values, std::optional<double> accuracy) {
  Metrics metrics;
  metrics.validation_accuracy = accuracy;
  return program_trial(std::move(values), metrics);
}

double square(double x) { return x * x; }

// Best at a rate of 0.03, 24 filters, a momentum of 0.8 and kind b; between 0 and 1.
double objective(const Values& v) {
  const double off = square((std::log10(std::get<double>(v[0])) - std::log10(0.03)) / 2.5) +
                     square((static_cast<double>(std::get<std::int64_t>(v[1])) - 24) / 32) +
                     square((std::get<double>(v[2]) - 0.8) / 2) + (std::get<std::string>(v[3]) == "b" ? 0 : 0.1);
  return 1 / (1 + off);
}

std::vector<ProgramTrial> search(const ProgramConfig& config, int runs) {
  std::vector<ProgramTrial> trials;
  while (static_cast<int>(trials.size()) < runs) {
    const auto next = next_values(config, trials);
    if (!next) break;
    trials.push_back(trial_of(next->values, objective(next->values)));
  }
  return trials;
}

double best(const std::vector<ProgramTrial>& trials) {
  double most = 0;
  for (const ProgramTrial& trial : trials) most = std::max(most, trial.accuracy.value_or(0));
  return most;
}

double best_by_chance(const ProgramConfig& config, int runs, std::uint64_t seed) {
  Random random(seed, 0);
  double most = objective(first_values(config));
  for (int i = 1; i < runs; ++i) {
    Values values;
    for (const Parameter& parameter : config.program.parameters)
      values.push_back(value_at(parameter, random.uniform()));
    most = std::max(most, objective(values));
  }
  return most;
}

TEST(ProgramTweak, BeatsChanceOnAverage) {
  constexpr int kSeeds = 100;
  // How much of what chance leaves to the best there is may be left.
  for (const auto& [runs, share] : {std::pair{12, 0.9}, {20, 0.6}, {40, 0.3}}) {
    double tweak = 0, chance = 0;
    for (int seed = 0; seed < kSeeds; ++seed) {
      const ProgramConfig config = config_of(kTypical, seed);
      tweak += best(search(config, runs)) / kSeeds;
      chance += best_by_chance(config, runs, static_cast<std::uint64_t>(seed)) / kSeeds;
    }
    EXPECT_LT(1 - tweak, share * (1 - chance)) << runs << " runs";
  }
}

TEST(ProgramTweak, TheDefaultsComeFirst) {
  const ProgramConfig config =
      config_of("rate: {type: real, low: 0.01, high: 1, log: true}, n: {type: int, low: 1, high: 9, default: 2}");
  const auto first = next_values(config, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->values, (Values{0.1, std::int64_t{2}}));
  EXPECT_EQ(first->sentence(), "defaults: rate 0.1, n 2, because nothing was run yet");
}

TEST(ProgramTweak, SaysWhatIsChangedAndWhy) {
  const ProgramConfig config =
      config_of("n: {type: int, low: 1, high: 9, default: 2}, m: {type: int, low: 5, high: 5}");
  const Values first = first_values(config);
  const auto next = next_values(config, {trial_of(first, 0.5)});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->rule, "spread");
  EXPECT_EQ(next->change, "n 2 -> " + text_of(next->values[0])) << "what can't change is not named";
  EXPECT_EQ(next->reason,
            "it is one of 2 that are spread over all values and the best so far has a validation accuracy of 50.00 %, "
            "target 99.00 %");
  Metrics tested;
  tested.accuracy = 0.5;
  EXPECT_NE(next_values(config, {program_trial(first, tested)})->reason.find("(there is no validation accuracy)"),
            std::string::npos);
  EXPECT_NE(next_values(config, {program_trial(first, {})})->reason.find("no run has an accuracy yet"),
            std::string::npos);
}

TEST(ProgramTweak, GoesOnInTheDirectionThatHelped) {
  const ProgramConfig config = config_of("rate: {type: real, low: 0, high: 1}, n: {type: int, low: 0, high: 100}");
  const std::vector<ProgramTrial> trials = {
      trial_of({0.3, std::int64_t{40}}, 0.6), trial_of({0.9, std::int64_t{1}}, 0.1),
      trial_of({0.1, std::int64_t{90}}, 0.1), trial_of({0.4, std::int64_t{50}}, 0.7)};
  const auto next = next_values(config, trials);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->rule, "same direction");
  EXPECT_EQ(next->base, 3u);
  EXPECT_EQ(next->values, (Values{0.5, std::int64_t{60}}));
  EXPECT_EQ(next->change, "rate 0.4 -> 0.5, n 50 -> 60");
}

TEST(ProgramTweak, StepsFromTheBestShrinkWhileTheyFail) {
  const ProgramConfig config = config_of("rate: {type: real, low: 0, high: 1, default: 0.5}");
  std::vector<ProgramTrial> trials = {trial_of({0.5}, 0.9)};
  std::vector<double> steps;
  for (int i = 0; i < 40; ++i) {
    const auto next = next_values(config, trials);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->base, 0u);
    if (next->rule == "near the best") steps.push_back(std::abs(std::get<double>(next->values[0]) - 0.5));
    trials.push_back(trial_of(next->values, 0.1));
  }
  ASSERT_GT(steps.size(), 30u);
  EXPECT_GT(*std::max_element(steps.begin(), steps.begin() + 10), 0.05);
  EXPECT_LE(*std::max_element(steps.end() - 10, steps.end()), 0.03);
  EXPECT_GT(*std::min_element(steps.begin(), steps.end()), 0);
}

TEST(ProgramTweak, ValuesAreAlwaysWithinBoundsAndNeverTheSame) {
  for (int seed = 0; seed < 20; ++seed) {
    const ProgramConfig config = config_of(kTypical, seed);
    std::set<Values> seen;
    for (const ProgramTrial& trial : search(config, 60)) {
      // The reader of what is handed in is strict.
      EXPECT_EQ(parse_values(config, format_values(config, trial.values), "v.json"), trial.values);
      EXPECT_TRUE(seen.insert(trial.values).second);
    }
    EXPECT_EQ(seen.size(), 60u);
  }
}

TEST(ProgramTweak, EveryCombinationIsTriedOnce) {
  const ProgramConfig config = config_of(
      "n: {type: int, low: 1, high: 4, log: true}, k: {type: choice, values: [a, b, c]}, f: {type: real, low: 1, high: "
      "1}");
  std::set<Values> seen;
  std::vector<ProgramTrial> trials;
  while (const auto next = next_values(config, trials)) {
    EXPECT_FALSE(next->change.empty());
    ASSERT_TRUE(seen.insert(next->values).second) << format_values(config, next->values);
    trials.push_back(trial_of(next->values, 0.5));
  }
  EXPECT_EQ(seen.size(), 12u);
  const ProgramConfig fixed = config_of("f: {type: real, low: 1, high: 1}");
  EXPECT_FALSE(next_values(fixed, {trial_of({1.0}, 0.5)}));
  const ProgramConfig none = config_of("");
  EXPECT_EQ(next_values(none, {})->values, Values{});
  EXPECT_FALSE(next_values(none, {trial_of({}, 0.5)}));
}

TEST(ProgramTweak, IsAFunctionOfConfigAndRuns) {
  const auto steps = [](int seed) {
    std::vector<Values> all;
    for (const ProgramTrial& trial : search(config_of(kTypical, seed), 15)) all.push_back(trial.values);
    return all;
  };
  EXPECT_EQ(steps(3), steps(3));
  EXPECT_NE(steps(3), steps(4));
}

TEST(ProgramTweak, GoesOnWhereEveryRunFailed) {
  const ProgramConfig config = config_of(kTypical);
  std::vector<ProgramTrial> trials;
  Metrics diverged;
  diverged.status = RunStatus::diverged;
  diverged.accuracy = 0.99;  // worth nothing
  for (int i = 0; i < 10; ++i) {
    const auto next = next_values(config, trials);
    ASSERT_TRUE(next);
    trials.push_back(program_trial(next->values, diverged));
    EXPECT_FALSE(trials.back().accuracy);
    EXPECT_EQ(trials.back().rank.value, -1);
  }
}

TEST(ProgramTrials, AreRankedByValidationElseByAccuracy) {
  Metrics metrics;
  EXPECT_EQ(program_trial({}, metrics).rank.value, -1);
  metrics.accuracy = 0.9;
  EXPECT_EQ(program_trial({}, metrics).rank.value, 0.9);
  EXPECT_FALSE(program_trial({}, metrics).validated);
  metrics.test_images = 100;
  EXPECT_DOUBLE_EQ(program_trial({}, metrics).rank.value, 0.9 - 0.03);
  metrics.validation_accuracy = 0.8;
  EXPECT_EQ(program_trial({}, metrics).rank.value, 0.8);
  EXPECT_TRUE(program_trial({}, metrics).validated);
  metrics.validation_images = 400;
  EXPECT_DOUBLE_EQ(program_trial({}, metrics).rank.value, 0.8 - 0.02);
}

}  // namespace
}  // namespace hone
