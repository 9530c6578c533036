#include "trainer/report/runs.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"
#include "tests/trainer/report/trials.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

TEST(Report, TheOneMeasuredOnTheTestSplitIsTheBest) {
  const Trials trials;
  const Report report = read_report(trials.folder.path());
  ASSERT_EQ(report.trials.size(), 3u);
  EXPECT_EQ(report.best, 2u);
  EXPECT_EQ(report.headline(), "Target met");
  EXPECT_EQ(report.verdict.value, 0.94);
  EXPECT_EQ(report.before->value, 0.81);
  EXPECT_NEAR(report.verdict.interval->low, wilson_interval(0.94, 1000).low, 1e-15);
  EXPECT_EQ(report.winner().rule, "wider");
  EXPECT_EQ(report.winner().change, "filters 8 -> 16");
  EXPECT_EQ(report.winner().reason, "it still underfits");
  EXPECT_EQ(report.winner().changes, std::vector<std::string>{"model.layers.0.conv.filters: 4 -> 16"});
  EXPECT_EQ(read_report(trials.folder.path() / "").name, "small") << "a slash at the end";
}

TEST(Report, TheValueDecidesNotWhatTheRunSays) {
  const Trials trials;
  Metrics boasting = ended(0.93, 0.85);
  boasting.met = true;
  trials.write(2, boasting, 16);
  EXPECT_EQ(read_report(trials.folder.path()).headline(), "Target not met");
  EXPECT_EQ(read_report(trials.folder.path(), 0.84).headline(), "Target met");
  // Nor does a candidate's own idea of the target.
  boasting.target = 0.1;
  trials.write(2, boasting, 16);
  EXPECT_EQ(read_report(trials.folder.path()).verdict.target, 0.9);
  // A diverged run meets nothing.
  boasting.status = RunStatus::diverged;
  trials.write(2, boasting, 16);
  EXPECT_EQ(read_report(trials.folder.path(), 0.5).headline(), "Target not met");
}

TEST(Report, WithoutAMeasuredCandidateTrial0IsTheBest) {
  const Trials trials;
  trials.write(2, ended(0.99), 16);
  const Report report = read_report(trials.folder.path());
  EXPECT_EQ(report.best, 0u);
  EXPECT_FALSE(report.before);
  EXPECT_EQ(report.headline(), "Target not met");
}

TEST(Report, NothingMeasuredIsNoResult) {
  const Trials trials;
  fs::remove(trials.path(0) / "metrics.json");
  trials.write(2, ended(0.99), 16);
  const Report report = read_report(trials.folder.path());
  EXPECT_EQ(report.headline(), "No result");
  EXPECT_EQ(report.trials[0].state(), "not finished");
  EXPECT_TRUE(holds(report.why(), "not finished")) << report.why();
  const Report untested = read_report(trials.path(1));
  EXPECT_EQ(untested.headline(), "No result");
  EXPECT_TRUE(holds(untested.why(), "was not measured")) << untested.why();
  Metrics stopped = ended(0.5, 0.95);
  stopped.status = RunStatus::interrupted;
  trials.write(0, stopped, 4);
  EXPECT_EQ(read_report(trials.folder.path()).headline(), "No result");
}

TEST(Report, BrokenTrialsAreToldNotFatal) {
  const Trials trials;
  spill(trials.path(0) / "metrics.json", "{\"status\": \"finished\", \"accuracy\": \"high\"}");
  spill(trials.path(1) / "history.csv", "epoch,nothing\n");
  spill(trials.path(1) / "config.yaml", "name: [");
  fs::create_directories(trials.path(7));
  fs::create_directories(trials.path(8) / "metrics.json");
  const Report report = read_report(trials.folder.path());
  ASSERT_EQ(report.trials.size(), 5u);
  EXPECT_EQ(report.trials[0].state(), "damaged");
  EXPECT_EQ(report.trials[1].problems.size(), 2u);
  EXPECT_EQ(report.trials[1].state(), "finished");
  EXPECT_EQ(report.trials[3].state(), "nothing there");
  EXPECT_EQ(report.trials[4].state(), "damaged");
  EXPECT_EQ(report.headline(), "Target met");
}

TEST(Report, FollowsNoLinksAndReadsNothingHuge) {
  const Trials trials;
  const fs::path secret = trials.folder.write("secret/config.yaml", config_text("secret", 4));
  for (const char* name : {"config.yaml", "history.csv", "metrics.json", "source.yaml"}) {
    fs::remove(trials.path(1) / name);
    fs::create_symlink(secret, trials.path(1) / name);
  }
  fs::create_directory_symlink(trials.path(2), trials.path(5));
  spill(trials.path(2) / "history.csv", "");
  fs::resize_file(trials.path(2) / "history.csv", std::uintmax_t{1} << 30);
  const Report report = read_report(trials.folder.path());
  ASSERT_EQ(report.trials.size(), 3u) << "the folder that is a link";
  EXPECT_EQ(report.trials[1].problems.size(), 4u);
  EXPECT_TRUE(report.trials[1].config_text.empty());
  EXPECT_TRUE(report.trials[1].reason.empty());
  ASSERT_EQ(report.trials[2].problems.size(), 1u);
  EXPECT_TRUE(holds(report.trials[2].problems[0].what(), "1073741824 bytes long"));
}

TEST(Report, ARunByItself) {
  const Trials trials;
  const Report report = read_report(trials.path(2));
  EXPECT_FALSE(report.many);
  EXPECT_FALSE(report.before);
  EXPECT_EQ(report.verdict.value, 0.94);
  EXPECT_EQ(report.winner().folder, "trial-2");
  EXPECT_EQ(report.winner().model_file, "best.safetensors");
}

TEST(Report, TrialsOfAProgram) {
  const TemporaryFolder folder;
  folder.write("trial-0/metrics.json", R"({"status": "finished", "accuracy": 0.5})");
  folder.write("trial-0.json", R"({"units": 8, "rate": 0.5, "deep": [[1]]})");
  folder.write("trial-1/metrics.json", R"({"status": "finished", "accuracy": 0.85})");
  folder.write("trial-1.json", R"({"units": 16, "rate": 0.5})");
  folder.write("trial-2.json", R"({"units": 32})");
  fs::create_directory(folder / "trial-2");
  const Report report = read_report(folder.path());
  EXPECT_EQ(report.headline(), "Target met") << "0.80 where nobody says";
  EXPECT_EQ(report.winner().changes, std::vector<std::string>{"units: 8 -> 16"});
  EXPECT_EQ(report.trials[0].parameters.back().second, "...");
  EXPECT_EQ(report.trials[2].state(), "nothing there");
  spill(folder / "trial-1.json", "[" + std::string(100000, '['));
  EXPECT_EQ(read_report(folder.path()).winner().problems.size(), 1u);
}

TEST(Report, LongHistoriesAreThinned) {
  const Trials trials;
  trials.folder.write("trial-2/history.csv", format_history(rising_to(0.93, 10000)));
  const auto history = read_report(trials.folder.path()).trials[2].history;
  EXPECT_EQ(history.size(), kMostRows);
  EXPECT_EQ(history.front().epoch, 1);
  EXPECT_EQ(history.back().epoch, 10000);
}

TEST(Report, WhatIsNoRunIsRefused) {
  const TemporaryFolder folder;
  EXPECT_HONE_ERROR(read_report(folder.path()), data, "holds no run");
  EXPECT_HONE_ERROR(read_report(folder / "none"), data, "none");
  EXPECT_HONE_ERROR(read_report(folder.write("file", "")), data, "file");
}

}  // namespace
}  // namespace hone::testing
