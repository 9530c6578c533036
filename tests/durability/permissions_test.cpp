// Folders that may not be written to, and what may not be read: an I/O error in one line, and nothing there changed.
// Root may do everything: where it runs the tests, another user runs the program.
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

// What is read on behalf of a command; data alone are exit code 4.
class Unreadable : public Permissions {
 protected:
  void SetUp() override {
    Permissions::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(run_hone(small_.train("runs/trial-0")).code, 0);
    small_.folder.write("digit.pgm", "P5 8 8 255\n" + std::string(64, 'x'));
    fs::create_directory(out_);
    for (const auto& entry : fs::recursive_directory_iterator(small_.folder.path())) show(entry.path());
    fs::permissions(out_, fs::perms::all);
  }

  // What a command says where this may not be read.
  ProcessResult run_without(const fs::path& closed, const std::vector<std::string>& arguments) {
    const fs::perms before = fs::status(closed).permissions();
    fs::permissions(closed, fs::perms::none);
    ProcessResult result = run_without_rights(arguments);
    fs::permissions(closed, before);
    return result;
  }

  const fs::path out_ = small_.folder / "out", run_ = small_.folder / "runs/trial-0";
  const std::string model_ = small_.model(), picture_ = (small_.folder / "digit.pgm").string(),
                    best_ = (run_ / "best.safetensors").string(), page_ = (out_ / "page.html").string(),
                    next_ = (out_ / "next.yaml").string();
  const std::vector<std::string> gate_ = {"gate", run_.string()}, tweak_ = {"tweak", run_.string(), "--out", next_},
                                 report_ = {"report", run_.string(), "--out", page_}, inspect_ = {"inspect", best_},
                                 evaluate_ = {"evaluate", best_, "--quiet"}, predict_ = {"predict", best_, picture_};
};

TEST_F(Unreadable, NothingIsNeededThatIsNotThere) {
  for (const auto& command : {gate_, tweak_, report_, inspect_, evaluate_, predict_}) {
    const ProcessResult result = run_without_rights(command);
    EXPECT_TRUE(result.code == 0 || result.code == 10) << command[0] << ": " << result.err;
  }
}

TEST_F(Unreadable, OfARun) {
  const auto expect = [&](const fs::path& closed, const std::vector<std::vector<std::string>>& commands) {
    for (const auto& command : commands) {
      SCOPED_TRACE(command[0] + " without " + closed.string());
      const ProcessResult refused = run_without(closed, command);
      expect_refused(refused);
      EXPECT_NE(refused.err.find("Permission denied"), std::string::npos) << refused.err;
    }
  };
  expect(run_, {gate_, tweak_, report_, inspect_, evaluate_, predict_});
  expect(run_ / "metrics.json", {gate_, tweak_, report_});
  expect(run_ / "config.yaml", {tweak_, report_});
  expect(run_ / "history.csv", {tweak_, report_});
  expect(best_, {inspect_, evaluate_, predict_});
  expect(run_.parent_path(), {{"report", run_.parent_path().string(), "--out", page_}});
  expect(model_, {{"inspect", model_},
                  {"datasets", "describe", model_},
                  {"train", model_, "--out", (out_ / "run").string()},
                  {"search", model_, "--out", (out_ / "runs").string()},
                  {"evaluate", best_, "--config", model_, "--quiet"},
                  {"tweak", run_.string(), "--out", next_, "--program", model_}});
  EXPECT_TRUE(fs::is_empty(out_));
}

TEST_F(Unreadable, OfDataIsADataError) {
  for (const auto& [closed, command] : {std::pair(fs::path(picture_), predict_), {small_.folder / "data", evaluate_}})
    EXPECT_EQ(run_without(closed, command).code, 4);
}

TEST_F(Unreadable, OneOfManyTrialsIsToldInTheReport) {
  fs::copy(run_, run_.parent_path() / "trial-1");
  const ProcessResult result =
      run_without(run_.parent_path() / "trial-1", {"report", run_.parent_path().string(), "--out", page_});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(slurp(page_).find("Permission denied"), std::string::npos);
}

}  // namespace
}  // namespace hone::testing
