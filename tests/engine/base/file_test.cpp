#include "engine/base/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;
using Names = std::vector<std::string>;

// While it lives, a file of this process can't grow beyond `bytes`: writing is short, then fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(ReadFile, GivesAllBytes) {
  const TemporaryFolder folder;
  const std::string bytes("a\0b\n\xff", 5);
  spill(folder / "file", bytes);
  EXPECT_EQ(read_file(folder / "file", 5), bytes);
  spill(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty", 0), "");
}

TEST(ReadFile, MissingIsWhatTheCallerSays) {
  const TemporaryFolder folder;
  expect_error(
      ErrorKind::data, [&] { read_file(folder / "none", 9, {.missing = ErrorKind::data}); }, "none: does not exist");
  expect_error(
      ErrorKind::checkpoint, [&] { read_file(folder.path(), 9, {.missing = ErrorKind::checkpoint}); }, "is a folder");
}

TEST(ReadFile, RefusesWhatIsTooLargeOrNotAFile) {
  const TemporaryFolder folder;
  spill(folder / "file", "12345");
  expect_error(
      ErrorKind::io, [&] { read_file(folder / "file", 4); }, "5 bytes", "at most 4");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  expect_error(
      ErrorKind::io, [&] { read_file(folder / "fifo", 4); }, "not a regular file");
}

TEST(ReadFile, FollowsLinksOnlyWhereItMay) {
  const TemporaryFolder folder;
  spill(folder / "file", "x");
  std::filesystem::create_symlink("file", folder / "link");
  EXPECT_EQ(read_file(folder / "link", 1), "x");
  expect_error(
      ErrorKind::data, [&] { read_file(folder / "link", 1, {.missing = ErrorKind::data, .follow_links = false}); },
      "symbolic link");
}

TEST(InputFile, ReadsAtAnyOffsetAndRefusesToReadBeyondTheEnd) {
  const TemporaryFolder folder;
  spill(folder / "file", "0123456789");
  const InputFile file(folder / "file", {.missing = ErrorKind::checkpoint});
  EXPECT_EQ(file.size(), 10u);
  std::array<char, 3> bytes{};
  file.read(7, bytes.data(), 3);
  EXPECT_EQ(std::string(bytes.data(), 3), "789");
  expect_error(
      ErrorKind::checkpoint, [&] { file.read(8, bytes.data(), 3); }, "shorter");
}

TEST(WriteFileAtomically, ReplacesAndLeavesNothingElse) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "old");
  const std::array<std::string_view, 3> chunks = {"new", "", " bytes"};
  write_file_atomically(folder / "file", chunks);
  EXPECT_EQ(slurp(folder / "file"), "new bytes");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(WriteFileAtomically, GivesTheModeThatTheUmaskLeaves) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(022);
  write_file_atomically(folder / "file", "x");
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0644u);
}

TEST(WriteFileAtomically, KeepsTheOldBytesWhereTheNewDoNotFit) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "old");
  const FileSizeLimit limit(1000);
  expect_error(
      ErrorKind::io, [&] { write_file_atomically(folder / "file", std::string(5000, 'x')); },
      "file: ", "File too large");
  EXPECT_EQ(slurp(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(WriteFileAtomically, NamesWhatCannotBeWritten) {
  const TemporaryFolder folder;
  expect_error(
      ErrorKind::io, [&] { write_file_atomically(folder / "none/file", "x"); }, "none/file: cannot be written",
      "No such file or directory");
  std::filesystem::create_directory(folder / "target");
  expect_error(
      ErrorKind::io, [&] { write_file_atomically(folder / "target", "x"); }, "target: ");
  EXPECT_EQ(names_in(folder.path()), Names{"target"});
}

TEST(WriteFileAtomically, NoPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions do not stop root";
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0500), 0);
  expect_error(
      ErrorKind::io, [&] { write_file_atomically(folder / "file", "x"); }, "file: ", "Permission denied");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
}

TEST(LinkOver, ReplacesAndIsHarmlessTwice) {
  const TemporaryFolder folder;
  spill(folder / "new", "new");
  spill(folder / "old", "old");
  for (int i = 0; i < 2; ++i) {
    link_over(folder / "new", folder / "old");
    EXPECT_EQ(slurp(folder / "old"), "new");
    EXPECT_EQ(slurp(folder / "new"), "new");
    EXPECT_EQ(names_in(folder.path()), (Names{"new", "old"}));
  }
  expect_error(
      ErrorKind::io, [&] { link_over(folder / "none", folder / "old"); }, "old: ");
  EXPECT_EQ(slurp(folder / "old"), "new");
}

TEST(CreateFolders, MakesAllOfThemAndRefusesAFileInTheWay) {
  const TemporaryFolder folder;
  create_folders(folder / "a/b/c");
  create_folders(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  spill(folder / "file", "");
  expect_error(
      ErrorKind::io, [&] { create_folders(folder / "file"); }, "file: cannot be created");
  expect_error(
      ErrorKind::io, [&] { create_folders(folder / "file/x"); }, "file/x: cannot be created");
}

TEST(SweepTemporaries, RemovesWhatAKilledWriterLeft) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "good");
  const pid_t child = ::fork();
  if (child == 0) {
    TemporaryFile file(folder / "file");
    file.write("half");
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  spill(folder / ".hidden", "the user's");
  ASSERT_EQ(names_in(folder.path()).size(), 3u);
  sweep_temporaries(folder.path());
  EXPECT_EQ(names_in(folder.path()), (Names{".hidden", "file"}));
  EXPECT_EQ(slurp(folder / "file"), "good");
}

TEST(AppendFile, AppendsWholeLines) {
  const TemporaryFolder folder;
  { AppendFile(folder / "log").append_line("one"); }
  AppendFile file(folder / "log");
  file.append_line("two\nlines");
  EXPECT_EQ(slurp(folder / "log"), "one\ntwo lines\n");
}

TEST(AppendFile, CutsATornLastLine) {
  const TemporaryFolder folder;
  const std::string start = std::string(5000, 'a') + "\n";
  for (const std::string& whole : {std::string(), std::string("\n"), std::string("one\ntwo\n"), start}) {
    for (const std::size_t torn : {0u, 1u, 4095u, 4096u, 4097u, 9000u}) {
      spill(folder / "log", whole + std::string(torn, 'x'));
      AppendFile(folder / "log").append_line("next");
      EXPECT_EQ(slurp(folder / "log"), whole + "next\n") << whole.size() << " whole, " << torn << " torn";
    }
  }
}

TEST(AppendFile, LeavesNoHalfLineWhereItDoesNotFit) {
  const TemporaryFolder folder;
  AppendFile file(folder / "log");
  file.append_line("one");
  {
    const FileSizeLimit limit(10);
    expect_error(
        ErrorKind::io, [&] { file.append_line("a longer line"); }, "log: ", "File too large");
    EXPECT_EQ(slurp(folder / "log"), "one\n");
  }
  file.append_line("two");
  EXPECT_EQ(slurp(folder / "log"), "one\ntwo\n");
}

TEST(AppendFile, TouchMovesTheModificationTime) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  const AppendFile file(folder / "log");
  fs::last_write_time(folder / "log", fs::file_time_type::clock::now() - std::chrono::hours(1));
  file.touch();
  const auto age = fs::file_time_type::clock::now() - fs::last_write_time(folder / "log");
  EXPECT_LT(age, std::chrono::minutes(1));
}

TEST(FileLock, OnlyOneHoldsIt) {
  const TemporaryFolder folder;
  {
    const auto first = FileLock::try_lock(folder / ".lock");
    ASSERT_TRUE(first);
    EXPECT_FALSE(FileLock::try_lock(folder / ".lock"));
    EXPECT_TRUE(FileLock::try_lock(folder / ".other"));
  }
  EXPECT_TRUE(FileLock::try_lock(folder / ".lock"));
  EXPECT_TRUE(std::filesystem::exists(folder / ".lock"));
}

TEST(FileLock, EndsWithItsProcess) {
  const TemporaryFolder folder;
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::try_lock(folder / ".lock");
    const char byte = lock ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ASSERT_GT(child, 0);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_FALSE(FileLock::try_lock(folder / ".lock"));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(FileLock::try_lock(folder / ".lock"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace hone
