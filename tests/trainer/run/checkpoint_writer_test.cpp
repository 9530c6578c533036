// ctest-labels: threads
#include "trainer/run/checkpoint_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/error.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::names_in;
using testing::slurp;
using testing::TemporaryFolder;

Checkpoint checkpoint(float value) {
  Checkpoint made;
  made.tensors.push_back({"weight", {1000}, std::vector<float>(1000, value)});
  return made;
}

CheckpointJob job(float value, bool best = false, bool whole_epochs = false) {
  CheckpointJob made;
  made.last = checkpoint(value);
  if (best) made.best = checkpoint(value);
  made.whole_epochs = whole_epochs;
  return made;
}

TEST(CheckpointWriter, WritesEverythingInOrder) {
  const TemporaryFolder folder;
  EventLog events(folder / "events.jsonl");
  CheckpointWriter writer(folder.path(), 2, events);
  writer.submit(job(1, true, true));
  for (int i = 2; i <= 20; ++i) writer.submit(job(static_cast<float>(i)));
  writer.wait();
  EXPECT_TRUE(writer.idle());
  EXPECT_EQ(read_checkpoint(folder / "last.safetensors"), checkpoint(20));
  EXPECT_EQ(read_checkpoint(folder / "last.1.safetensors"), checkpoint(19));
  EXPECT_EQ(read_checkpoint(folder / "best.safetensors"), checkpoint(1));
  EXPECT_EQ(read_checkpoint(CheckpointWriter::rollback_path(folder.path())), checkpoint(1)) << "the last whole epoch";
  const std::string log = slurp(folder / "events.jsonl");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 20);
}

TEST(CheckpointWriter, FinishesWhatItWasGivenBeforeItEnds) {
  const TemporaryFolder folder;
  EventLog events(folder / "events.jsonl");
  { CheckpointWriter(folder.path(), 1, events).submit(job(7)); }
  EXPECT_EQ(read_checkpoint(folder / "last.safetensors"), checkpoint(7));
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"events.jsonl", "last.safetensors"}));
}

TEST(CheckpointWriter, ErrorsComeOutWhereTheNextOneIsHandedOver) {
  const TemporaryFolder folder, gone;
  EventLog events(folder / "events.jsonl");
  CheckpointWriter writer(gone / "nothing", 2, events);
  writer.submit(job(1));
  EXPECT_HONE_ERROR(writer.wait(), io, "nothing");
  EXPECT_HONE_ERROR(writer.submit(job(2)), io, "nothing");
  EXPECT_HONE_ERROR(writer.idle(), io, "nothing");
}

}  // namespace
}  // namespace hone
