// Saving onto a full disk: Error(io), the older checkpoint as good as before, nothing left behind.
#include <gtest/gtest.h>

#include "engine/base/file.hpp"
#include "engine/checkpoint/checkpoint.hpp"
#include "engine/checkpoint/rotation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/small_disk.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::slurp;
using testing::SmallDisk;
using Names = std::vector<std::string>;

Checkpoint checkpoint_of(std::size_t bytes, float value) {
  const std::size_t size = bytes / sizeof(float);
  return {{{"w", {static_cast<std::int64_t>(size)}, std::vector<float>(size, value)}}, {{"hone.step", "1"}}};
}

TEST(FullDisk, LosesNothing) {
  const SmallDisk disk("1m");
  if (!disk.problem().empty()) GTEST_SKIP() << "NOT TESTED: needs root or user namespaces; " << disk.problem();
  const auto none = [](const std::string& warning) { ADD_FAILURE() << warning; };

  save_last(disk.path(), checkpoint_of(400'000, 1), 2);
  const std::string before = slurp(disk.path() / "last.safetensors");
  expect_error(
      ErrorKind::io, [&] { save_last(disk.path(), checkpoint_of(900'000, 2), 2); },
      "last.safetensors: ", "No space left on device");
  EXPECT_EQ(names_in(disk.path()), Names{"last.safetensors"});
  EXPECT_EQ(slurp(disk.path() / "last.safetensors"), before);

  // The third does not fit beside the two that are kept.
  save_last(disk.path(), checkpoint_of(400'000, 3), 2);
  expect_error(
      ErrorKind::io, [&] { save_last(disk.path(), checkpoint_of(400'000, 4), 2); }, "No space left on device");
  EXPECT_EQ(names_in(disk.path()), (Names{"last.1.safetensors", "last.safetensors"}));
  EXPECT_EQ(load_newest(disk.path(), none)->checkpoint, checkpoint_of(400'000, 3));
  EXPECT_EQ(read_checkpoint(disk.path() / "last.1.safetensors"), checkpoint_of(400'000, 1));

  // Files that are appended to end with a whole line.
  AppendFile events(disk.path() / "events.jsonl");
  const std::string line(1000, 'x');
  expect_error(
      ErrorKind::io,
      [&] {
        for (int i = 0; i < 2000; ++i) events.append_line(line);
      },
      "events.jsonl: ", "No space left on device");
  EXPECT_TRUE(slurp(disk.path() / "events.jsonl").ends_with("x\n"));
  EXPECT_EQ(slurp(disk.path() / "events.jsonl").size() % 1001, 0u);
}

}  // namespace
}  // namespace hone
