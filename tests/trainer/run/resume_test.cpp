// A run that is killed and resumed, again and again, is bitwise the run that was never disturbed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

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

int kills_wanted() {
  const char* text = std::getenv("HONE_KILLS");
  return text != nullptr ? std::atoi(text) : 8;
}

TEST(Resume, AfterKillsAtRandomMomentsIsBitwiseTheUndisturbedRun) {
  const SmallRun small(kTrain, "", 2000);
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult whole = run_hone(small.train("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  auto run_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();

  const int wanted = kills_wanted();
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed, 0);
  int kills = 0;
  for (int attempt = 0; kills < wanted; ++attempt) {
    ASSERT_LT(attempt, 20 * wanted) << "too few kills hit a running program";
    // A fresh folder whenever the run got through before the kills were all used.
    const std::string name = "killed" + std::to_string(attempt);
    const int before = kills;
    for (;;) {
      std::vector<std::string> command = small.train(name, {"--resume", "--threads", std::to_string(1 + kills % 3)});
      command.insert(command.begin(), hone_program());
      Process process(command);
      const bool last = kills == wanted;
      const auto delay = std::chrono::microseconds(random.below(static_cast<std::uint64_t>(run_time)));
      if (!last && !process.ended_within(std::chrono::duration_cast<std::chrono::milliseconds>(delay)))
        process.signal(SIGKILL);
      const ProcessResult result = process.wait();
      if (result.code == 128 + SIGKILL) {
        ++kills;
        continue;
      }
      ASSERT_EQ(result.code, 0) << result.err;  // it may also have ended just before the kill
      break;
    }
    if (kills == before) run_time = std::max(run_time * 3 / 4, 1000L);  // the first run was slow
    expect_same_run(small.folder / "whole", small.folder / name);
  }
}

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
