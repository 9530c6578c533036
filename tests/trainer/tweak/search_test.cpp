// hone search and hone tweak, as they are run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/hone.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr char kTrain[] = "  epochs: 2\n  batch_size: 16\n  checkpoint: {every_seconds: 0.01}\n";
constexpr char kLayers[] = "    - conv: {filters: 1, kernel: 3, stride: 2, activation: relu}\n    - dense: 4\n";

std::vector<std::string> command(const SmallRun& small, const std::string& out,
                                 const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"search", small.model(), "--out", small.out(out), "--quiet"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

json without_times(const std::string& text) {
  json object = json::parse(text);
  for (json& trial : object["trials"]) trial.erase("seconds");
  return object;
}

TEST(Search, ImprovesAWeakModelUntilItMeetsItsTarget) {
  const SmallRun small(kTrain, kLayers, 600);
  const ProcessResult result = run_hone(command(small, "search", {"--target", "0.9", "--json"}));
  ASSERT_EQ(result.code, 0) << result.err << result.out;
  const json object = json::parse(result.out);
  EXPECT_EQ(result.out, slurp(small.folder / "search/search.json"));
  EXPECT_LT(object["accuracy_before"].get<double>(), 0.9);
  EXPECT_GE(object["accuracy_after"].get<double>(), 0.9);
  EXPECT_FALSE(object["changes"].empty());
  // The best run's files, and nothing of the test split in the candidates that did not win.
  const std::string folder = object["folder"].get<std::string>();
  EXPECT_EQ(slurp(small.folder / "search/best.safetensors"),
            slurp(small.folder / ("search/" + folder + "/best.safetensors")));
  for (std::size_t k = 1; k < object["trials"].size(); ++k) {
    const std::string name = "trial-" + std::to_string(k);
    EXPECT_EQ(read_metrics(small.folder / "search" / name / "metrics.json").accuracy.has_value(), name == folder);
  }
  EXPECT_EQ(run_hone({"gate", small.out("search/" + folder), "--at-least", "0.9"}).code, 0);
  // Again: the same result at once, in words.
  const ProcessResult again = run_hone(command(small, "search", {"--target", "0.9"}));
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("what was changed, and why"), std::string::npos);
  EXPECT_NE(again.out.find(small.out("search/" + folder)), std::string::npos);
  EXPECT_EQ(run_hone(command(small, "search", {"--target", "0.95"})).code, 3) << "another search";
}

TEST(Search, GoesOnAfterKillsAsIfThereWereNone) {
  const SmallRun small(kTrain, kLayers, 600);
  const std::vector<std::string> budget = {"--target", "1", "--trials", "4"};
  const ProcessResult whole = run_hone(command(small, "whole", budget));
  ASSERT_TRUE(whole.code == 0 || whole.code == 10) << whole.err;
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed, 0);
  std::vector<std::string> killed = command(small, "killed", budget);
  killed.insert(killed.begin(), hone_program());
  for (int kills = 0; kills < 6; ++kills) {
    Process process(killed);
    if (process.ended_within(std::chrono::milliseconds(20 + random.below(150)))) break;
    process.signal(SIGKILL);
    process.wait();
  }
  ASSERT_EQ(run_hone(command(small, "killed", budget)).code, whole.code);
  EXPECT_EQ(without_times(slurp(small.folder / "whole/search.json")),
            without_times(slurp(small.folder / "killed/search.json")));
  EXPECT_EQ(read_checkpoint(small.folder / "whole/best.safetensors").tensors,
            read_checkpoint(small.folder / "killed/best.safetensors").tensors);
}

TEST(Search, SaysSoWhenTheBudgetIsSpent) {
  const SmallRun small("  epochs: 1\n", kLayers, 100);
  const ProcessResult result = run_hone(command(small, "search", {"--target", "1", "--trials", "2"}));
  EXPECT_EQ(result.code, 10) << result.err;
  EXPECT_NE(result.out.find("not met (the budget of trials is spent)"), std::string::npos) << result.out;
  EXPECT_TRUE(fs::exists(small.folder / "search/trial-2/metrics.json"));
  EXPECT_FALSE(fs::exists(small.folder / "search/trial-3"));
}

TEST(Search, IsRefusedWhereItCannotBeHonest) {
  const SmallRun small;
  const ProcessResult result = run_hone(command(small, "search", {"--set", "data.validation=0"}));
  EXPECT_EQ(result.code, 3);
  EXPECT_NE(result.err.find("data.validation"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(small.folder / "search"));
}

TEST(Search, LeavesNothingWhereItCannotBegin) {
  const SmallRun small;
  fs::remove(small.folder / "data/train-labels-idx1-ubyte");
  EXPECT_EQ(run_hone(command(small, "search")).code, 4);
  EXPECT_FALSE(fs::exists(small.folder / "search"));
}

struct Tweaked {
  int code = 0;
  json object;
};

Tweaked tweak(const SmallRun& small, const std::vector<std::string>& runs, const std::string& target) {
  std::vector<std::string> arguments = {"tweak", "--out", small.out("next.yaml"), "--target", target, "--json"};
  for (const std::string& run : runs) arguments.push_back(small.out(run));
  fs::remove(small.folder / "next.yaml");
  const ProcessResult result = run_hone(arguments);
  return {result.code, result.out.empty() ? json() : json::parse(result.out)};
}

TEST(TweakCommand, WritesTheNextCandidateAndSaysWhy) {
  const SmallRun small(kTrain, kLayers);
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  const ProcessResult result =
      run_hone({"tweak", small.out("run"), "--out", small.out("next.yaml"), "--target", "0.999"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find(", because "), std::string::npos) << result.out;
  EXPECT_EQ(slurp(small.folder / "next.yaml").substr(0, 2), "# ");
  EXPECT_EQ(run_hone({"train", small.out("next.yaml"), "--out", small.out("next"), "--quiet"}).code, 0);
  EXPECT_EQ(run_hone({"tweak", small.out("nothing"), "--out", small.out("x.yaml")}).code, 4);
  ASSERT_EQ(run_hone(small.train("fixed", {"--set", "tweak.allow=[augment]"})).code, 0);
  const Tweaked none = tweak(small, {"fixed"}, "1");
  EXPECT_EQ(none.code, 10);
  EXPECT_EQ(none.object["reached"], false);
  EXPECT_EQ(none.object["best"], small.out("fixed"));
  EXPECT_TRUE(none.object["rule"].is_null());
  EXPECT_FALSE(fs::exists(small.folder / "next.yaml"));
}

TEST(TweakCommand, ChainedIsTheSearch) {
  const SmallRun small(kTrain, kLayers, 600);
  const json search = json::parse(run_hone(command(small, "search", {"--target", "0.9", "--json"})).out);
  const std::size_t trials = search["trials"].size();
  ASSERT_GT(trials, 1u);
  // Each step as a process of its own: the user's model is measured, candidates are not.
  std::vector<std::string> runs = {"trial-0"};
  ASSERT_EQ(run_hone(small.train(runs[0], {"--set", "target.at_least=0.9"})).code, 0);
  Tweaked step;
  while ((step = tweak(small, runs, "0.9")).object["reached"] == false) {
    ASSERT_EQ(step.code, 0);
    const json& expected = search["trials"][runs.size()];
    for (const char* name : {"rule", "change", "reason"}) EXPECT_EQ(step.object[name], expected[name]);
    EXPECT_EQ(step.object["base"], small.out("trial-" + std::to_string(expected["base"].get<int>())));
    EXPECT_EQ(step.object["config"], small.out("next.yaml"));
    runs.push_back("trial-" + std::to_string(runs.size()));
    ASSERT_LE(runs.size(), trials);
    ASSERT_EQ(run_hone({"train", small.out("next.yaml"), "--out", small.out(runs.back()), "--no-test"}).code, 0);
  }
  EXPECT_EQ(step.code, 0);
  EXPECT_EQ(runs.size(), trials);
  EXPECT_EQ(step.object["best"], small.out(search["folder"]));
  EXPECT_TRUE(step.object["config"].is_null());
  EXPECT_FALSE(fs::exists(small.folder / "next.yaml"));
  // The winner's one look at the test split.
  const std::string best = step.object["best"];
  ASSERT_EQ(run_hone({"train", best + "/config.yaml", "--out", best, "--resume", "--quiet"}).code, 0);
  EXPECT_EQ(*read_metrics(fs::path(best) / "metrics.json").accuracy, search["accuracy_after"].get<double>());
  EXPECT_EQ(run_hone({"gate", best, "--at-least", "0.9"}).code, 0);
}

TEST(TweakCommand, TheOwnModelIsDecidedByItsTestAccuracy) {
  const SmallRun small(kTrain, kLayers);
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  ASSERT_EQ(run_hone(small.train("unmeasured", {"--no-test"})).code, 0);
  const Tweaked met = tweak(small, {"run"}, "0.01"), unmeasured = tweak(small, {"unmeasured"}, "0.01");
  EXPECT_EQ(met.code, 0);
  EXPECT_EQ(met.object["reached"], true);
  EXPECT_EQ(met.object["best"], small.out("run"));
  EXPECT_EQ(unmeasured.object["reached"], false);
  // As a candidate, its validation accuracy is what counts.
  const Tweaked candidate = tweak(small, {"unmeasured", "run"}, "0.01");
  EXPECT_EQ(candidate.object["reached"], false) << "the best is the own model: the earliest on a tie";
}

}  // namespace
}  // namespace hone::testing
