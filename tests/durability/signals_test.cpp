// ctest-labels: serial
// SIGINT and SIGTERM save and end the program with 128 + n within two seconds, whatever it is doing.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/same_run.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Heavy for its size: an image takes some ten million multiply-adds.
constexpr char kHeavyLayers[] =
    "    - conv: {filters: 64, kernel: 3, padding: same, activation: relu}\n"
    "    - conv: {filters: 64, kernel: 3, padding: same, activation: relu}\n"
    "    - conv: {filters: 64, kernel: 3, padding: same, activation: relu}\n"
    "    - dense: 4\n";

std::string started(const fs::path& run) {
  const fs::path events = run / "events.jsonl";
  return fs::exists(events) ? slurp(events) : "";
}

struct Stop {
  ProcessResult result;
  std::chrono::duration<double> took;
};

// Starts a run, waits until `begun` says so and `delay` more, and sends the signal.
template <class Begun>
Stop stop(const SmallRun& small, const std::vector<std::string>& more, Begun begun, milliseconds delay, int signal,
          const Process::Environment& environment = {}) {
  std::vector<std::string> command = small.train("run", more);
  command.insert(command.begin(), hone_program());
  Process process(command, environment);
  while (!begun())
    if (process.ended_within(milliseconds(1))) return {process.wait(), {}};
  if (process.ended_within(delay)) return {process.wait(), {}};
  process.signal(signal);
  const auto start = std::chrono::steady_clock::now();
  process.ended_within(std::chrono::seconds(20));
  const auto took = std::chrono::steady_clock::now() - start;
  return {process.wait(), took};
}

void expect_stopped(const Stop& stop, int signal, const fs::path& run, const std::string& says = "") {
  EXPECT_EQ(stop.result.code, 128 + signal) << stop.result.err;
  EXPECT_EQ(stop.result.err, says);
  EXPECT_LT(stop.took.count(), 2.0);
  EXPECT_EQ(read_metrics(run / "metrics.json").status, RunStatus::interrupted);
}

class Signals : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!HONE_CAN_PRELOAD) GTEST_SKIP() << "a sanitized program takes longer, and sanitizers must be loaded first";
  }
};

TEST_P(Signals, InTheFirstBatch) {
  const SmallRun small("  epochs: 2\n  batch_size: 500\n", kHeavyLayers, 1500);
  const fs::path run = small.folder / "run";
  const Stop stopped = stop(
      small, {}, [&] { return started(run).find("\"start\"") != std::string::npos; }, milliseconds(0), GetParam());
  expect_stopped(stopped, GetParam(), run);
  EXPECT_LE(std::stol(read_checkpoint(run / "last.safetensors").metadata.at("hone.step")), 1);
}

// One step, then 7,200 images to look at.
TEST_P(Signals, InAnEvaluation) {
  const SmallRun small("  epochs: 1\n  batch_size: 800\n", kHeavyLayers, 8000);
  const fs::path run = small.folder / "run";
  const std::vector<std::string> more = {"--set", "data.validation=0.9", "--threads", "1"};
  for (int attempt = 1;; ++attempt) {
    fs::remove_all(run);
    const Stop stopped = stop(
        small, more, [&] { return started(run).find("\"start\"") != std::string::npos; }, milliseconds(200 * attempt),
        GetParam());
    expect_stopped(stopped, GetParam(), run);
    const auto metadata = read_checkpoint(run / "last.safetensors").metadata;
    if (HasFailure()) return;
    if (metadata.at("hone.step") == "1" && metadata.at("hone.epoch") == "0") break;  // the step, and no score
    ASSERT_LT(attempt, 30) << "never in an evaluation";
  }
}

TEST_P(Signals, WhileTheDataAreDecoded) {
  const SmallRun small("  epochs: 1\n");
  for (const char* split : {"train", "test"})
    for (int i = 0; i < 200; ++i)
      small.folder.write(
          std::string("pictures/") + split + "/" + std::to_string(i % 4) + "/" + std::to_string(i) + ".pgm",
          "P5 8 8 255\n" + std::string(64, static_cast<char>(i)));
  const fs::path run = small.folder / "run";
  auto environment = fault_environment({"read", "slow", true}, 1, small.folder / "pictures", small.folder / "report");
  const Stop stopped = stop(
      small, {"--set", "data.format=image_folder", "--set", "data.path=" + small.out("pictures")},
      [&] { return fs::exists(run / "events.jsonl"); }, milliseconds(300), GetParam(), environment);
  expect_stopped(stopped, GetParam(), run);
  EXPECT_FALSE(fs::exists(run / "last.safetensors")) << "it got through its data";
}

TEST_P(Signals, DuringASave) {
  const SmallRun small("  epochs: 2\n", "    - dense: 4\n", 100);
  const fs::path run = small.folder / "run";
  ASSERT_EQ(run_hone(small.train("whole")).code, 0);
  const auto environment = fault_environment({"sync", "slow", true}, 1, run, small.folder / "report");
  // Between a temporary file's start and its rename, of the first save and of a later one.
  for (const char* with : {"config.yaml", "last.safetensors"}) {
    fs::remove_all(run);
    const auto saving = [&] {
      if (!fs::exists(run / with)) return false;
      for (const std::string& name : names_in(run))
        if (name.starts_with(".last.safetensors") && name.ends_with(".hone-tmp")) return true;
      return false;
    };
    const Stop stopped = stop(small, {}, saving, milliseconds(20), GetParam(), environment);
    expect_stopped(stopped, GetParam(), run);
    const ProcessResult resumed = run_hone(small.train("run", {"--resume"}));
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    expect_same_run(small.folder / "whole", run);
  }
}

// Some 46 MB of weights and optimizer state: to write them takes five seconds where each MiB takes a tenth. The save is
// given up, and what was there before stays: nothing at first, then a checkpoint.
TEST_P(Signals, DuringASaveThatTakesLong) {
  if (GetParam() == SIGINT && std::getenv("HONE_FULL") == nullptr)
    GTEST_SKIP() << "SIGTERM does; set HONE_FULL for both";
  const SmallRun small("  epochs: 1\n  optimizer: adam\n", "    - dense: 60000\n    - dense: 4\n", 100);
  const fs::path run = small.folder / "run";
  const std::vector<std::string> more = {"--resume", "--set", "train.epochs=2"};
  const auto environment = fault_environment({"write", "slow", true}, 1, run, small.folder / "report");
  const auto saving = [&] {
    for (const std::string& name : fs::exists(run) ? names_in(run) : std::vector<std::string>())
      if (name.starts_with(".last.safetensors")) return true;
    return false;
  };
  const auto expect_given_up = [&](const Stop& stopped) {
    expect_stopped(
        stopped, GetParam(), run,
        "warning: there was no time to save what was done since the last checkpoint; --resume does it again\n");
    for (const std::string& name : names_in(run)) EXPECT_FALSE(name.ends_with(".hone-tmp")) << name;
  };
  expect_given_up(stop(small, {}, saving, milliseconds(20), GetParam(), environment));
  EXPECT_FALSE(fs::exists(run / "last.safetensors"));
  for (const char* name : {"whole", "run"}) ASSERT_EQ(run_hone(small.train(name, {"--resume"})).code, 0);
  expect_same_run(small.folder / "whole", run);

  const std::string before = slurp(run / "last.safetensors");
  expect_given_up(stop(small, more, saving, milliseconds(20), GetParam(), environment));
  EXPECT_TRUE(slurp(run / "last.safetensors") == before);
  for (const char* name : {"whole", "run"}) ASSERT_EQ(run_hone(small.train(name, more)).code, 0);
  expect_same_run(small.folder / "whole", run);
}

// More multiply-adds for the memory they need, and running statistics: an image takes about 75 million.
constexpr char kHeavierLayers[] =
    "    - conv: {filters: 256, kernel: 3, padding: same, batch_norm: true, activation: relu}\n"
    "    - conv: {filters: 256, kernel: 3, padding: same, batch_norm: true, activation: relu}\n"
    "    - conv: {filters: 256, kernel: 3, padding: same, batch_norm: true, activation: relu}\n"
    "    - dense: 4\n";

// One epoch of two steps on so many images each.
SmallRun two_steps(int batch) {
  return SmallRun("  epochs: 1\n  batch_size: " + std::to_string(batch) + "\n  checkpoint: {every_seconds: 1000}\n",
                  kHeavierLayers, 2 * batch);
}

// A step that would go on for longer than a stop may take is given up, and done as a whole by the resumed run.
TEST(SignalsInAStep, OfMoreThanTwoSeconds) {
  if (!HONE_CAN_PRELOAD) GTEST_SKIP() << "a sanitized program takes longer, and sanitizers must be loaded first";
  const std::vector<std::string> one_thread = {"--set", "data.validation=0", "--threads", "1"};
  constexpr int kFew = 64;
  const SmallRun few = two_steps(kFew);
  ASSERT_EQ(run_hone(few.train("run", one_thread)).code, 0);
  const double seconds = *read_metrics(few.folder / "run/metrics.json").train_seconds / 2;
  int batch = static_cast<int>(2.5 * kFew / seconds);
  for (int attempt = 1;; ++attempt, batch += batch / 2) {
    const SmallRun small = two_steps(batch);
    const fs::path run = small.folder / "run", events = run / "events.jsonl";
    // A heartbeat after the first checkpoint's event: the first step has ended. It took as long as the second will.
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::duration<double> first_step{};
    fs::file_time_type last_event{};
    const Stop stopped = stop(
        small, one_thread,
        [&] {
          if (started(run).find("\"checkpoint\"") == std::string::npos) return false;
          const fs::file_time_type changed = fs::last_write_time(events);
          if (last_event == fs::file_time_type{}) last_event = changed;
          first_step = std::chrono::steady_clock::now() - begin;
          return changed != last_event;
        },
        milliseconds(100), SIGTERM);
    expect_stopped(stopped, SIGTERM, run);
    EXPECT_EQ(read_checkpoint(run / "last.safetensors").metadata.at("hone.step"), "1");
    if (HasFailure()) return;
    if (first_step.count() < 2.2) {
      ASSERT_LT(attempt, 5) << "a step took " << first_step.count() << " s";
      continue;
    }
    for (const char* name : {"whole", "run"})
      ASSERT_EQ(run_hone(small.train(name, {"--set", "data.validation=0", "--resume"})).code, 0);
    expect_same_run(small.folder / "whole", run);
    return;
  }
}

INSTANTIATE_TEST_SUITE_P(Both, Signals, ::testing::Values(SIGINT, SIGTERM),
                         [](const auto& each) { return std::string(each.param == SIGINT ? "SIGINT" : "SIGTERM"); });

}  // namespace
}  // namespace hone::testing
