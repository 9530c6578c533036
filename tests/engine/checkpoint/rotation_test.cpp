#include "engine/checkpoint/rotation.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "engine/base/file.hpp"
#include "tests/engine/checkpoint/sample.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::sample_checkpoint;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;
using Names = std::vector<std::string>;

std::string step_of(const Checkpoint& checkpoint) { return checkpoint.metadata.at("hone.step"); }

std::string step_in(const std::filesystem::path& path) { return step_of(read_checkpoint(path)); }

struct Loaded {
  std::string step, name;
  std::vector<std::string> warnings;
};

Loaded load(const std::filesystem::path& folder) {
  Loaded result;
  const auto newest = load_newest(folder, [&](const std::string& text) { result.warnings.push_back(text); });
  if (newest) {
    result.step = step_of(newest->checkpoint);
    result.name = newest->path.filename().string();
  }
  return result;
}

TEST(Rotation, KeepsAsManyAsAsked) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 5; ++step) save_last(folder.path(), sample_checkpoint(step), 3);
  EXPECT_EQ(names_in(folder.path()), (Names{"last.1.safetensors", "last.2.safetensors", "last.safetensors"}));
  EXPECT_EQ(step_in(folder / "last.safetensors"), "5");
  EXPECT_EQ(step_in(folder / "last.1.safetensors"), "4");
  EXPECT_EQ(step_in(folder / "last.2.safetensors"), "3");
  save_last(folder.path(), sample_checkpoint(6), 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"last.1.safetensors", "last.safetensors"}));
  EXPECT_EQ(step_in(folder / "last.1.safetensors"), "5");
  save_last(folder.path(), sample_checkpoint(7), 1);
  EXPECT_EQ(names_in(folder.path()), Names{"last.safetensors"});
  EXPECT_EQ(step_in(folder / "last.safetensors"), "7");
}

TEST(Rotation, TakesTheNewest) {
  const TemporaryFolder folder;
  EXPECT_EQ(load(folder.path()).step, "");
  EXPECT_EQ(load(folder / "none").step, "");
  for (int step = 1; step <= 2; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
  const Loaded loaded = load(folder.path());
  EXPECT_EQ(loaded.step, "2");
  EXPECT_EQ(loaded.name, "last.safetensors");
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST(Rotation, ADamagedOneIsNamedAndTheOlderTaken) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 12; ++step) save_last(folder.path(), sample_checkpoint(step), 12);
  for (int age = 0; age < 11; ++age) {
    const std::string name = age == 0 ? "last.safetensors" : "last." + std::to_string(age) + ".safetensors";
    spill(folder / name, slurp(folder / name) + "x");
    const Loaded loaded = load(folder.path());
    EXPECT_EQ(loaded.step, std::to_string(11 - age));
    ASSERT_EQ(loaded.warnings.size(), static_cast<std::size_t>(age) + 1);
    EXPECT_NE(loaded.warnings.back().find("/" + name + ": "), std::string::npos) << loaded.warnings.back();
    EXPECT_NE(loaded.warnings.back().find("taking the older " + loaded.name), std::string::npos);
  }
}

TEST(Rotation, AMissingNewestIsNamed) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 2; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
  std::filesystem::remove(folder / "last.safetensors");
  const Loaded loaded = load(folder.path());
  EXPECT_EQ(loaded.step, "1");
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_NE(loaded.warnings[0].find("last.safetensors: does not exist"), std::string::npos);
}

TEST(Rotation, AllDamagedIsNeverAFreshStart) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 2; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
  spill(folder / "last.safetensors", "");
  spill(folder / "last.1.safetensors", "{}");
  expect_error(
      ErrorKind::checkpoint, [&] { load(folder.path()); }, "last.safetensors: ", "last.1.safetensors: ");
}

TEST(Rotation, ADamagedNewestDoesNotPushOutAGoodOne) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 2; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
  spill(folder / "last.safetensors", "damaged");
  save_last(folder.path(), sample_checkpoint(3), 2);
  EXPECT_EQ(step_in(folder / "last.safetensors"), "3");
  EXPECT_EQ(step_in(folder / "last.1.safetensors"), "1");
}

TEST(Rotation, GoesOnWhereAKillLeftTwoNamesOfOneFile) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 3; ++step) save_last(folder.path(), sample_checkpoint(step), 3);
  link_over(folder / "last.safetensors", folder / "last.1.safetensors");
  save_last(folder.path(), sample_checkpoint(4), 3);
  EXPECT_EQ(step_in(folder / "last.safetensors"), "4");
  EXPECT_EQ(step_in(folder / "last.1.safetensors"), "3");
  EXPECT_EQ(step_in(folder / "last.2.safetensors"), "1");
}

// At whichever moment: nothing but the new one is missing.
TEST(Rotation, ASaveThatIsGivenUpLeavesWhatWasThere) {
  const TemporaryFolder folder;
  for (int step = 1; step <= 2; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
  const std::string last = slurp(folder / "last.safetensors"), older = slurp(folder / "last.1.safetensors");
  struct GivenUp {};
  for (int n = 1;; ++n) {
    int left = n;
    try {
      save_last(folder.path(), sample_checkpoint(3), 2, [&] {
        if (--left == 0) throw GivenUp();
      });
      EXPECT_GT(n, 10) << "it looks up too seldom";
      break;
    } catch (const GivenUp&) {
    }
    EXPECT_EQ(names_in(folder.path()), (Names{"last.1.safetensors", "last.safetensors"})) << n;
    EXPECT_TRUE(slurp(folder / "last.safetensors") == last && slurp(folder / "last.1.safetensors") == older) << n;
  }
  EXPECT_EQ(step_in(folder / "last.safetensors"), "3");
  EXPECT_EQ(step_in(folder / "last.1.safetensors"), "2");
}

TEST(Rotation, LeavesOtherFilesAlone) {
  const TemporaryFolder folder;
  const Names others = {"best.safetensors",  "last.-1.safetensors", "last.01.safetensors",
                        "last..safetensors", "last.x.safetensors",  "last2.safetensors"};
  for (const std::string& name : others) spill(folder / name, "mine");
  EXPECT_EQ(load(folder.path()).step, "");
  save_last(folder.path(), sample_checkpoint(1), 1);
  for (const std::string& name : others) EXPECT_EQ(slurp(folder / name), "mine") << name;
}

// A process that does nothing but save is killed at random moments: the newest is always good, and never older than
// what an earlier look saw.
TEST(Rotation, AKillAtAnyMomentLeavesAGoodOne) {
  const TemporaryFolder folder;
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  save_last(folder.path(), sample_checkpoint(1), 2);
  int newest = 1;
  for (int kill = 0; kill < 50; ++kill) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int step = newest + 1;; ++step) save_last(folder.path(), sample_checkpoint(step), 2);
    }
    ASSERT_GT(child, 0);
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 15000)(random)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const Loaded loaded = load(folder.path());
    ASSERT_FALSE(loaded.step.empty()) << "seed " << seed;
    EXPECT_TRUE(loaded.warnings.empty()) << loaded.warnings.front() << ", seed " << seed;
    EXPECT_GE(std::stoi(loaded.step), newest) << "seed " << seed;
    newest = std::stoi(loaded.step);
  }
  EXPECT_GT(newest, 1) << "no child was given the time to save";
  sweep_temporaries(folder.path());
  EXPECT_LE(names_in(folder.path()).size(), 2u);
}

}  // namespace
}  // namespace hone
