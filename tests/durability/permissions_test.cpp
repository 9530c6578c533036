// Folders that may not be written to: an I/O error in one line, and nothing there changed. Root may write everywhere:
// where it runs the tests, another user runs the program.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/faults.hpp"
#include "tests/support/same_run.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

// As the user that runs the tests, or nobody in root's place.
ProcessResult run_without_rights(std::vector<std::string> arguments, const Process::Environment& environment = {}) {
  arguments.insert(arguments.begin(), hone_program());
  if (::geteuid() == 0) {
    const char* const nobody[] = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"};
    arguments.insert(arguments.begin(), std::begin(nobody), std::end(nobody));
  }
  return run(arguments, environment);
}

class Permissions : public ::testing::Test {
 protected:
  void SetUp() override {
    const ProcessResult works = run_without_rights({"--version"});
    if (works.code != 0)
      GTEST_SKIP() << "NOT TESTED: nobody can't run " << hone_program() << " (setpriv: exit code " << works.code << ", "
                   << works.err << ")";
    for (const auto& entry : fs::recursive_directory_iterator(small_.folder.path())) show(entry.path());
    show(small_.folder.path());
  }

  void TearDown() override {
    for (const fs::path& folder : closed_) fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add);
  }

  static void show(const fs::path& path) {
    const fs::perms all = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
    const fs::perms enter = fs::perms::group_exec | fs::perms::others_exec;
    fs::permissions(path, fs::is_directory(path) ? all | enter : all, fs::perm_options::add);
  }

  void close(const fs::path& folder) {
    closed_.push_back(folder);
    fs::permissions(folder, fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write,
                    fs::perm_options::remove);
  }

  static void expect_refused(const ProcessResult& result) {
    EXPECT_EQ(result.code, 6) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  static std::map<std::string, std::string> files_in(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const std::string& name : names_in(folder)) files[name] = slurp(folder / name);
    return files;
  }

  const SmallRun small_;
  std::vector<fs::path> closed_;
};

TEST_F(Permissions, OfARunFolder) {
  const std::vector<std::string> more = {"--resume", "--set", "train.epochs=5"};
  for (const char* name : {"run", "whole"}) ASSERT_EQ(run_hone(small_.train(name)).code, 0);
  const fs::path run = small_.folder / "run";
  for (const std::string& name : names_in(run)) show(run / name);
  const auto before = files_in(run);
  close(run);
  const ProcessResult refused = run_without_rights(small_.train("run", more));
  expect_refused(refused);
  EXPECT_NE(refused.err.find("Permission denied"), std::string::npos) << refused.err;
  EXPECT_TRUE(files_in(run) == before);
  fs::permissions(run, fs::perms::owner_write, fs::perm_options::add);
  for (const char* name : {"run", "whole"}) ASSERT_EQ(run_hone(small_.train(name, more)).code, 0);
  expect_same_run(small_.folder / "whole", run);
}

TEST_F(Permissions, OfWhereARunFolderWouldBe) {
  const fs::path closed = small_.folder / "closed";
  fs::create_directory(closed);
  show(closed);
  close(closed);
  for (const char* name : {"closed/run", "closed/a/b"}) {
    const ProcessResult refused = run_without_rights(small_.train(name));
    expect_refused(refused);
    EXPECT_NE(refused.err.find("Permission denied"), std::string::npos) << refused.err;
  }
  expect_refused(run_without_rights({"search", small_.model(), "--out", (closed / "runs").string(), "--quiet"}));
  EXPECT_TRUE(fs::is_empty(closed));
}

TEST_F(Permissions, OfTheFolderOfDataSets) {
  const fs::path data = small_.folder / "sets";
  fs::create_directory(data);
  show(data);
  close(data);
  for (const fs::path& folder : {data, data / "below"})
    expect_refused(run_without_rights({"datasets", "fetch", "mnist"}, {{"HONE_DATA", folder.string()}}));
  EXPECT_TRUE(fs::is_empty(data));
}

}  // namespace
}  // namespace hone::testing
