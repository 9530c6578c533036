// Whichever call fails, the program ends with an exit code of the contract and one line that says why, its checkpoints
// are whole, and --resume goes on to bitwise the undisturbed run.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/checkpoint/rotation.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/same_run.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

// Every n, or about `wanted` of them.
long stride_for(long calls, long wanted) { return every_fault() ? 1 : std::max(1L, calls / wanted); }

// One line that says what is wrong; warnings may come before it.
bool says_one_line(std::string text) {
  while (text.starts_with("warning: ")) text.erase(0, text.find('\n') + 1);
  return text.size() > 1 && text.find('\n') == text.size() - 1;
}

class Faults : public ::testing::Test {
 protected:
  Faults()
      : small_("  epochs: 2\n  batch_size: 16\n  optimizer: adam\n  checkpoint: {every_seconds: 1000}\n",
               "    - dense: 4\n", 80) {}

  static void SetUpTestSuite() { keep_temporaries_in_memory(); }

  void SetUp() override {
    if (!HONE_CAN_PRELOAD) GTEST_SKIP() << "sanitizers must be loaded first";
    const ProcessResult whole = run_hone(small_.train("whole"));
    ASSERT_EQ(whole.code, 0) << whole.err;
  }

  FaultyResult run_faulty(const Fault& fault, long n) {
    return run_with_fault(small_.train("run", arguments_), fault, n, small_.folder.path());
  }

  // What is there loads: the newest or the one before it.
  void expect_loadable(long n) {
    if (!fs::exists(run_ / "last.safetensors") && !fs::exists(run_ / "last.1.safetensors")) return;
    EXPECT_NO_THROW(EXPECT_TRUE(load_newest(run_, [](const std::string&) {}))) << n;
    for (const char* name : {"best.safetensors", "epoch.safetensors"})
      if (fs::exists(run_ / name)) {
        EXPECT_NO_THROW(verify_checkpoint(run_ / name)) << n;
      }
  }

  void expect_resumes(long n) {
    const ProcessResult resumed = run_hone(small_.train("run", arguments_));
    ASSERT_EQ(resumed.code, 0) << n << ": " << resumed.err;
    expect_same_run(whole_, run_);
    for (const std::string& name : names_in(run_)) EXPECT_FALSE(name.ends_with(".hone-tmp")) << name;
    std::istringstream events(slurp(run_ / "events.jsonl"));
    for (std::string line; std::getline(events, line);) EXPECT_TRUE(nlohmann::json::accept(line)) << n << ": " << line;
  }

  // Runs once for each n until none is left to fail; each begins with what `prepare` leaves. Returns how many failed.
  template <class Prepare>
  long try_all(const Fault& fault, const std::set<int>& codes, Prepare prepare, long stride = 1) {
    for (long n = 1, tried = 0;; n += stride, ++tried) {
      fs::remove_all(run_);
      prepare();
      const FaultyResult result = run_faulty(fault, n);
      SCOPED_TRACE(fault.calls + " " + std::to_string(n) + " (" + result.fired + "), " + fault.how + ": exit code " +
                   std::to_string(result.code) + ", " + result.err);
      EXPECT_TRUE(codes.contains(result.code));
      if (fault.how == "SIGTERM") {
        EXPECT_LT(result.seconds, 2);
      }
      if (result.code == 0) {
        expect_same_run(whole_, run_);
      } else if (result.code < 128) {
        EXPECT_TRUE(says_one_line(result.err));
      }
      expect_loadable(n);
      if (result.code != 0) expect_resumes(n);
      if (HasFailure() || result.fired.empty()) return tried;
    }
  }

  void expect_diverging_run_survives_kills(const char* checkpoints, long stride) {
    for (const char* set :
         {"model.layers=[{dense: 16}, {dense: 4}]", "train.epochs=6", "train.optimizer={sgd: {learning_rate: 0.001}}",
          "train.schedule={one_cycle: {max_learning_rate: 1000, warmup_share: 1}}",
          "train.on_divergence={retry: 5, scale_learning_rate: 0.001}", checkpoints})
      arguments_.insert(arguments_.end(), {"--set", set});
    whole_ = small_.folder / "diverging";
    const ProcessResult whole = run_hone(small_.train("diverging", arguments_));
    ASSERT_EQ(whole.code, 0) << whole.err;
    ASSERT_NE(whole.err.find("retry 1 of 5"), std::string::npos) << whole.err;
    ASSERT_EQ(whole.err.find("back to epoch 0"), std::string::npos) << whole.err;
    EXPECT_GT(try_all(
                  {"write,rename,link", "SIGKILL"}, {0, 128 + SIGKILL}, [] {}, stride),
              0);
  }

  const SmallRun small_;
  const fs::path run_ = small_.folder / "run";
  fs::path whole_ = small_.folder / "whole";  // what it must come to
  std::vector<std::string> arguments_ = {"--resume", "--threads", "1"};
};

constexpr auto kNothing = [] {};

TEST_F(Faults, EveryCallOnce) { EXPECT_GT(try_all({"io", "EIO"}, {0, 3, 4, 6}, kNothing), 0); }

TEST_F(Faults, EveryCallOfAResume) {
  const ProcessResult half = run_hone(small_.train("half", {"--set", "train.epochs=1"}));
  ASSERT_EQ(half.code, 0) << half.err;
  const auto copy = [&] { fs::copy(small_.folder / "half", run_); };
  EXPECT_GT(try_all({"io", "EIO"}, {0, 3, 4, 6}, copy), 0);
  EXPECT_GT(try_all({"stat", "EIO", true}, {0, 3, 4, 6}, copy), 0);
}

TEST_F(Faults, AFullDisk) { EXPECT_GT(try_all({"write", "ENOSPC", true}, {0, 6}, kNothing), 0); }

TEST_F(Faults, TooManyOpenFiles) { EXPECT_GT(try_all({"open", "EMFILE", true}, {0, 3, 4, 6}, kNothing), 0); }

TEST_F(Faults, AFileSystemThatBecameReadOnly) {
  EXPECT_GT(try_all({"write,rename,link,cut", "EROFS", true}, {0, 6}, kNothing), 0);
}

TEST_F(Faults, InterruptedAndShortCallsGoOn) {
  EXPECT_GT(try_all({"open,read,write,sync,lock", "EINTR"}, {0}, kNothing), 0);
  EXPECT_GT(try_all({"write", "short"}, {0}, kNothing), 0);
}

TEST_F(Faults, AKillAtEveryCallThatChangesSomething) {
  EXPECT_GT(try_all({"open,write,sync,rename,link,cut,folder", "SIGKILL"}, {0, 128 + SIGKILL}, kNothing), 0);
}

// A run that stopped early goes on for more epochs, though the first attempt had saved nothing but the new config.
TEST_F(Faults, AKillAtEveryCallOfARunThatGetsMoreEpochs) {
  const fs::path stopped = small_.folder / "stopped";
  arguments_ = {"--resume",
                "--threads",
                "1",
                "--set",
                "train.early_stop={patience: 1}",
                "--set",
                "train.optimizer={sgd: {learning_rate: 1e-9}}",
                "--set",
                "train.epochs=30"};
  ASSERT_EQ(run_hone(small_.train("stopped", arguments_)).code, 0);
  ASSERT_EQ(read_metrics(stopped / "metrics.json").epochs_done, 2);
  arguments_.back() = "train.epochs=40";
  whole_ = small_.folder / "longer";
  fs::copy(stopped, whole_);
  ASSERT_EQ(run_hone(small_.train("longer", arguments_)).code, 0);
  ASSERT_EQ(read_metrics(whole_ / "metrics.json").epochs_done, 3);
  const auto copy = [&] { fs::copy(stopped, run_); };
  EXPECT_GT(try_all({"open,write,sync,rename,link,cut", "SIGKILL"}, {0, 128 + SIGKILL}, copy), 0);
}

// Divergence goes back to the same epoch wherever the kill fell: with checkpoints at the ends of epochs alone, where
// the calls are the same in each run, and with as many as can be written.
TEST_F(Faults, AKillAtEveryCallOfARunThatDiverges) {
  expect_diverging_run_survives_kills("train.checkpoint.every_seconds=1000", 1);
}

TEST_F(Faults, AKillAtManyCallsOfARunThatDivergesBetweenCheckpoints) {
  expect_diverging_run_survives_kills("train.checkpoint.every_seconds=1e-6", stride_for(300, 50));
}
TEST_F(Faults, ASignalAtEveryCall) {
  EXPECT_GT(try_all({"open,read,write,sync,rename,link,folder", "SIGTERM"}, {0, 128 + SIGTERM}, kNothing), 0);
}

TEST_F(Faults, NoMemory) {
  const FaultyResult counted = run_faulty({"malloc", "ENOMEM"}, 0);
  ASSERT_EQ(counted.code, 0) << counted.err;
  EXPECT_GT(try_all({"malloc", "ENOMEM"}, {0, 1, 3, 4, 6}, kNothing, stride_for(6000, 100)), 0);
  EXPECT_GT(try_all({"malloc", "ENOMEM", true}, {0, 1, 3, 4, 6}, kNothing, stride_for(6000, 50)), 0);
}

}  // namespace
}  // namespace hone::testing
