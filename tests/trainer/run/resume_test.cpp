// A run that is stopped and resumed is bitwise the run that was never disturbed. Kills: tests/durability.
#include <gtest/gtest.h>

#include "tests/support/hone.hpp"
#include "tests/support/same_run.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {
namespace {

constexpr char kTrain[] =
    "  epochs: 6\n"
    "  batch_size: 16\n"
    "  optimizer: {adam: {learning_rate: 0.003}}\n"
    "  schedule: {plateau: {patience: 0, factor: 0.5}}\n"
    "  checkpoint: {every_seconds: 0.001}\n";

TEST(Resume, AnyNumberOfThreadsGivesTheSameBits) {
  const SmallRun small(kTrain);
  for (const char* threads : {"1", "2", "3"}) {
    const ProcessResult result = run_hone(small.train(std::string("t") + threads, {"--threads", threads}));
    ASSERT_EQ(result.code, 0) << result.err;
  }
  expect_same_run(small.folder / "t1", small.folder / "t2");
  expect_same_run(small.folder / "t1", small.folder / "t3");
}

TEST(Resume, SigtermSavesAndTheRunGoesOn) {
  const SmallRun small(kTrain, "", 2000);
  ASSERT_EQ(run_hone(small.train("whole")).code, 0);
  std::vector<std::string> command = small.train("stopped", {"--set", "train.checkpoint.every_seconds=1000"});
  command.insert(command.begin(), hone_program());
  Process process(command);
  while (!std::filesystem::exists(small.folder / "stopped/last.safetensors"))
    ASSERT_FALSE(process.ended_within(std::chrono::milliseconds(1)));
  process.signal(SIGTERM);
  process.signal(SIGTERM);
  ASSERT_TRUE(process.ended_within(std::chrono::seconds(2)));
  EXPECT_EQ(process.wait().code, 143);
  EXPECT_EQ(read_metrics(small.folder / "stopped/metrics.json").status, RunStatus::interrupted);
  const ProcessResult result = run_hone(small.train("stopped", {"--resume"}));
  ASSERT_EQ(result.code, 0) << result.err;
  expect_same_run(small.folder / "whole", small.folder / "stopped");
}

TEST(Resume, OfAFinishedRunChangesNothing) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  const std::string metrics = slurp(small.folder / "run/metrics.json"),
                    events = slurp(small.folder / "run/events.jsonl"),
                    last = slurp(small.folder / "run/last.safetensors");
  const ProcessResult again = run_hone(small.train("run", {"--resume"}));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(slurp(small.folder / "run/metrics.json"), metrics);
  EXPECT_EQ(slurp(small.folder / "run/events.jsonl"), events);
  EXPECT_EQ(slurp(small.folder / "run/last.safetensors"), last);
}

TEST(Resume, WithMoreEpochsIsTheLongerRun) {
  const SmallRun small(kTrain);
  ASSERT_EQ(run_hone(small.train("whole")).code, 0);
  ASSERT_EQ(run_hone(small.train("longer", {"--set", "train.epochs=2"})).code, 0);
  const ProcessResult result = run_hone(small.train("longer", {"--resume"}));
  ASSERT_EQ(result.code, 0) << result.err;
  expect_same_run(small.folder / "whole", small.folder / "longer");
}

}  // namespace
}  // namespace hone::testing
