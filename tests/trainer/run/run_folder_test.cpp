#include "trainer/run/run_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;

TEST(RunFolder, IsCreatedWithItsParents) {
  const TemporaryFolder folder;
  const RunFolder run = RunFolder::create(folder / "a/b");
  EXPECT_FALSE(run.resuming());
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b"));
  EXPECT_EQ(run.history(), folder / "a/b/history.csv");
  EXPECT_FALSE(holds_run(folder / "a/b"));
}

TEST(RunFolder, WritesBothConfigs) {
  const TemporaryFolder folder;
  const RunFolder run = RunFolder::create(folder / "run");
  run.write_config("seed: 0\n", "# mine\n");
  EXPECT_EQ(slurp(folder / "run/config.yaml"), "seed: 0\n");
  EXPECT_EQ(slurp(folder / "run/source.yaml"), "# mine\n");
  EXPECT_TRUE(holds_run(folder / "run"));
}

TEST(RunFolder, OneThatHoldsARunIsRefusedAndUntouched) {
  for (const char* name : {"config.yaml", "history.csv", "events.jsonl", "metrics.json", "last.safetensors",
                           "last.1.safetensors", "best.safetensors"}) {
    const TemporaryFolder folder;
    spill(folder / name, "bytes");
    expect_error(
        ErrorKind::usage, [&] { RunFolder::create(folder.path()); }, folder.path().string(), "holds a run already",
        "--resume");
    EXPECT_EQ(slurp(folder / name), "bytes");
    EXPECT_TRUE(RunFolder::open(folder.path()).resuming()) << name;
  }
}

TEST(RunFolder, AnEmptyOrMissingOneStartsOnResume) {
  const TemporaryFolder folder;
  EXPECT_FALSE(RunFolder::open(folder.path()).resuming());
  EXPECT_FALSE(RunFolder::open(folder / "missing").resuming());
  spill(folder / "notes.txt", "the user's");
  EXPECT_FALSE(RunFolder::create(folder.path()).resuming());
  EXPECT_EQ(slurp(folder / "notes.txt"), "the user's");
}

TEST(RunFolder, TwoNeverWriteOne) {
  const TemporaryFolder folder;
  {
    const RunFolder first = RunFolder::create(folder / "run");
    expect_error(
        ErrorKind::usage, [&] { RunFolder::create(folder / "run"); }, (folder / "run").string(), "another process");
    expect_error(
        ErrorKind::usage, [&] { RunFolder::open(folder / "run"); }, "another process");
  }
  EXPECT_NO_THROW(RunFolder::open(folder / "run"));
}

TEST(RunFolder, SweepsOnlyWhileItIsLocked) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    std::optional<RunFolder> run(RunFolder::create(folder.path()));
    TemporaryFile file(run->metrics());
    file.write("half");
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_EQ(names_in(folder.path()).size(), 2u);
  const RunFolder run = RunFolder::create(folder.path());
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{".lock"});
  spill(folder / ".metrics.json.1-1.hone-tmp", "being written");
  expect_error(ErrorKind::usage, [&] { RunFolder::open(folder.path()); });
  EXPECT_TRUE(std::filesystem::exists(folder / ".metrics.json.1-1.hone-tmp"));
}

TEST(RunFolder, AFileInItsPlaceIsRefused) {
  const TemporaryFolder folder;
  spill(folder / "file", "x");
  expect_error(
      ErrorKind::usage, [&] { RunFolder::create(folder / "file"); }, "file: is a file");
  expect_error(
      ErrorKind::io, [&] { RunFolder::create(folder / "file/run"); }, "file/run: cannot be created");
  EXPECT_EQ(slurp(folder / "file"), "x");
}

}  // namespace
}  // namespace hone
