// A clock that jumps, and disks that are full or take no writes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/faults.hpp"
#include "tests/support/same_run.hpp"
#include "tests/support/small_disk.hpp"
#include "trainer/run/history.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Clock, JumpsChangeNeitherBitsNorCadence) {
  if (!HONE_CAN_PRELOAD) GTEST_SKIP() << "sanitizers must be loaded first";
  const SmallRun small("  epochs: 40\n  batch_size: 16\n  checkpoint: {every_seconds: 0.02}\n");
  const ProcessResult whole = run_hone(small.train("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult jumped =
      run_hone(small.train("jumped"), {{"LD_PRELOAD", faults_library()}, {"HONE_FAULT_CLOCK", "1"}});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(jumped.code, 0) << jumped.err;
  const fs::path run = small.folder / "jumped";
  expect_same_run(small.folder / "whole", run);

  const std::string events = slurp(run / "events.jsonl");
  EXPECT_GT(count_of(events, "\"checkpoint\""), 40u);
  // In one file times that lie hours apart: it did jump.
  const std::string first = events.substr(events.find("T") + 1, 2), rest = events.substr(events.find('\n'));
  EXPECT_LT(count_of(rest, "T" + first), count_of(rest, "\n"));
  for (const HistoryRow& row : parse_history(slurp(run / "history.csv"), "history.csv", ErrorKind::io)) {
    EXPECT_GE(*row.seconds, 0);
    EXPECT_GT(*row.images_per_second, 0);
  }
  const Metrics metrics = read_metrics(run / "metrics.json");
  EXPECT_GE(*metrics.train_seconds, 0);
  EXPECT_LT(*metrics.train_seconds, took.count() + 5 * 3600 + 1) << "one leap, and no other";
  EXPECT_GT(*metrics.images_per_second, 0);
}

TEST(Disk, OneThatTakesNoWritesIsAnIoError) {
  SmallDisk disk("4m");
  if (!disk.problem().empty()) GTEST_SKIP() << "NOT TESTED: needs root or user namespaces; " << disk.problem();
  const SmallRun small;
  const auto train = [&](const std::string& name, const std::string& epochs) {
    return run_hone({"train", small.model(), "--out", (disk.path() / name).string(), "--quiet", "--resume", "--set",
                     "train.epochs=" + epochs});
  };
  ASSERT_EQ(train("run", "2").code, 0);
  const std::string last = slurp(disk.path() / "run/last.safetensors");
  disk.set_read_only(true);
  for (const char* name : {"run", "other"}) {
    const ProcessResult refused = train(name, "4");
    EXPECT_EQ(refused.code, 6) << refused.err;
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
    EXPECT_NE(refused.err.find("Read-only file system"), std::string::npos) << refused.err;
  }
  EXPECT_EQ(slurp(disk.path() / "run/last.safetensors"), last);
  disk.set_read_only(false);
  const ProcessResult resumed = train("run", "4");
  EXPECT_EQ(resumed.code, 0) << resumed.err;
}

// Disks of every size between too small for a run and large enough.
TEST(Disk, WhateverFitsTheRunGoesOn) {
  const SmallRun small("  epochs: 3\n  optimizer: adam\n",
                       "    - dense: {units: 200, activation: relu}\n    - dense: 4\n");
  ASSERT_EQ(run_hone(small.train("whole")).code, 0);
  SmallDisk disk("2m");
  if (!disk.problem().empty()) GTEST_SKIP() << "NOT TESTED: needs root or user namespaces; " << disk.problem();
  const auto train = [&] {
    return run_hone({"train", small.model(), "--out", (disk.path() / "run").string(), "--quiet", "--resume"});
  };
  bool fitted = false;
  for (int ballast = 0; ballast < 2000; ballast += 100) {
    fs::remove_all(disk.path() / "run");
    spill(disk.path() / "ballast", std::string(static_cast<std::size_t>(ballast) << 10, 'x'));
    const ProcessResult result = train();
    SCOPED_TRACE(std::to_string(ballast) + " KiB taken: " + result.err);
    EXPECT_TRUE(result.code == 0 || result.code == 6);
    fitted |= result.code == 0;
    fs::remove(disk.path() / "ballast");
    EXPECT_EQ(train().code, 0);
    expect_same_run(small.folder / "whole", disk.path() / "run");
  }
  EXPECT_TRUE(fitted);
}

}  // namespace
}  // namespace hone::testing
