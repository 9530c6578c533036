// Runs that are trained without a look at the test split, and the one look that they get later.
#include "trainer/run/final_test.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/hone.hpp"
#include "tests/support/same_run.hpp"

namespace hone::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json metrics_json(const SmallRun& small, const std::string& run) {
  return json::parse(slurp(small.folder / run / "metrics.json"));
}

TEST(NoTest, LeavesTheTestSplitForLater) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run", {"--no-test"})).code, 0);
  const json metrics = metrics_json(small, "run");
  EXPECT_EQ(metrics["status"], "finished");
  for (const char* name : {"accuracy", "value", "loss", "met", "test_images"}) EXPECT_TRUE(metrics[name].is_null());
  EXPECT_TRUE(metrics["validation_accuracy"].is_number());
  // Nothing has been decided about it, and nothing changes without being asked to.
  const ProcessResult gate = run_hone({"gate", small.out("run")});
  EXPECT_EQ(gate.code, 4);
  EXPECT_NE(gate.err.find("not measured on the test split"), std::string::npos) << gate.err;
  EXPECT_EQ(gate.out, "");
  ASSERT_EQ(run_hone(small.train("run", {"--no-test", "--resume"})).code, 0);
  EXPECT_EQ(metrics_json(small, "run"), metrics);
}

TEST(NoTest, ResumingMeasuresOnceAndAsIfItHadNotBeenLeft) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("whole")).code, 0);
  ASSERT_EQ(run_hone(small.train("run", {"--no-test"})).code, 0);
  const std::string best = slurp(small.folder / "run/best.safetensors");
  const ProcessResult measured = run_hone(small.train("run", {"--resume", "--json"}));
  ASSERT_EQ(measured.code, 0) << measured.err;
  EXPECT_EQ(measured.out, slurp(small.folder / "run/metrics.json"));
  expect_same_run(small.folder / "whole", small.folder / "run");
  const json whole = metrics_json(small, "whole"), metrics = metrics_json(small, "run");
  for (const char* name : {"value", "target", "met", "test_images"}) EXPECT_EQ(metrics[name], whole[name]) << name;
  EXPECT_EQ(slurp(small.folder / "run/best.safetensors"), best);
  EXPECT_EQ(run_hone({"gate", small.out("run")}).code, metrics["met"].get<bool>() ? 0 : 10);
  // Once: what stands there stays, without its data too.
  fs::remove_all(small.folder / "data");
  ASSERT_EQ(run_hone(small.train("run", {"--resume", "--set", "target.at_least=0.01"})).code, 0);
  EXPECT_EQ(metrics_json(small, "run"), metrics);
}

TEST(NoTest, TheTargetThatIsAskedForDecides) {
  const SmallRun small("  epochs: 4\n");
  for (const auto& [target, met] : {std::pair{"0.01", true}, {"1", false}}) {
    ASSERT_EQ(run_hone(small.train(target, {"--no-test"})).code, 0);
    const std::string set = std::string("target.at_least=") + target;
    ASSERT_EQ(run_hone(small.train(target, {"--resume", "--set", set})).code, 0);
    EXPECT_EQ(metrics_json(small, target)["met"], met) << target;
    EXPECT_EQ(run_hone({"gate", small.out(target)}).code, met ? 0 : 10);
  }
}

TEST(NoTest, ARunThatDidNotEndGoesOnFirst) {
  const SmallRun small("  epochs: 3\n");
  ASSERT_EQ(run_hone(small.train("run", {"--no-test"})).code, 0);
  ASSERT_EQ(run_hone(small.train("run", {"--resume", "--set", "train.epochs=5"})).code, 0);
  const json metrics = metrics_json(small, "run");
  EXPECT_EQ(metrics["epochs_done"], 5);
  EXPECT_TRUE(metrics["accuracy"].is_number());
}

TEST(NoTest, WhatIsDamagedIsSaidAndMetricsStay) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run", {"--no-test"})).code, 0);
  const std::string metrics = slurp(small.folder / "run/metrics.json");
  std::string bytes = slurp(small.folder / "run/best.safetensors");
  bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 1);
  spill(small.folder / "run/best.safetensors", bytes);
  const ProcessResult result = run_hone(small.train("run", {"--resume"}));
  EXPECT_EQ(result.code, 5);
  EXPECT_NE(result.err.find("best.safetensors"), std::string::npos) << result.err;
  EXPECT_EQ(slurp(small.folder / "run/metrics.json"), metrics);
}

TEST(Untested, IsARunThatEndedWithoutAnyVerdict) {
  Metrics metrics;
  EXPECT_TRUE(untested(metrics));
  metrics.met = false;
  EXPECT_FALSE(untested(metrics)) << "its test split is empty, or its loss not finite";
  metrics.met.reset();
  metrics.accuracy = 0.5;
  EXPECT_FALSE(untested(metrics));
  metrics.accuracy.reset();
  metrics.status = RunStatus::diverged;
  EXPECT_FALSE(untested(metrics));
}

}  // namespace
}  // namespace hone::testing
