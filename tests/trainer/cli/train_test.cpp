// What goes wrong with `hone train` has the exit code of the contract, one line on standard error, and leaves nothing
// half-written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/hone.hpp"
#include "tests/support/small_disk.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

void expect_one_line(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.code, code) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.out, "");
  for (const std::string& part : parts)
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in " << result.err;
}

TEST(TrainErrors, ATypoInAKeyNamesThePlaceAndTheRightKey) {
  const SmallRun small("  epochs: 3\n", "    - conv: {fliters: 3, kernel: 3}\n    - dense: 4\n");
  expect_one_line(run_hone(small.train("run")), 3, {"model.yaml:5:14: ", "did you mean 'filters'?"});
  EXPECT_FALSE(fs::exists(small.folder / "run"));
}

TEST(TrainErrors, AnImpossibleShapeNamesTheLayer) {
  const SmallRun small("  epochs: 3\n", "    - conv: {filters: 3, kernel: 9}\n    - dense: 4\n");
  expect_one_line(run_hone(small.train("run")), 3, {"model.yaml:5:7: "});
  EXPECT_FALSE(fs::exists(small.folder / "run"));
}

TEST(TrainErrors, AMissingDataFileIsNamed) {
  const SmallRun small;
  fs::remove(small.folder / "data/t10k-labels-idx1-ubyte");
  expect_one_line(run_hone(small.train("a/b/run")), 4, {"t10k-labels"});
  EXPECT_FALSE(fs::exists(small.folder / "a"));
  expect_one_line(run_hone({"train", small.out("no.yaml"), "--out", small.out("run")}), 3, {"no.yaml"});
}

TEST(TrainErrors, ATruncatedFileIsNamed) {
  const SmallRun small;
  fs::resize_file(small.folder / "data/train-images-idx3-ubyte", 5000);
  fs::create_directory(small.folder / "run");
  expect_one_line(run_hone(small.train("run")), 4, {"train-images-idx3-ubyte"});
  EXPECT_EQ(names_in(small.folder / "run"), std::vector<std::string>{".lock"});
}

TEST(TrainErrors, AFullDiskKeepsTheLastGoodCheckpoint) {
  const SmallDisk disk("1m");
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  // Weights and two optimizer states of 20,000 floats: a checkpoint has 240 KB, and best, last and last.1 do not fit.
  const SmallRun small("  epochs: 3\n  optimizer: adam\n",
                       "    - dense: {units: 290, activation: relu}\n    - dense: 4\n");
  const std::string out = (disk.path() / "run").string();
  spill(disk.path() / "ballast", std::string(400000, 'x'));
  expect_one_line(run_hone({"train", small.model(), "--out", out, "--quiet"}), 6, {out});
  EXPECT_NO_THROW(verify_checkpoint(disk.path() / "run/last.safetensors"));
  fs::remove(disk.path() / "ballast");
  const ProcessResult resumed = run_hone({"train", small.model(), "--out", out, "--quiet", "--resume"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
}

TEST(TrainErrors, AFolderWithARunIsRefusedUnlessResumed) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  expect_one_line(run_hone(small.train("run")), 2, {"--resume"});
}

TEST(TrainErrors, AnotherConfigIsRefusedOnResume) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  expect_one_line(run_hone(small.train("run", {"--resume", "--set", "train.batch_size=32"})), 3,
                  {"train.batch_size: 64 -> 32"});
  expect_one_line(run_hone(small.train("run", {"--resume", "--set", "train.epochs=2"})), 3, {"train.epochs: 3 -> 2"});
  EXPECT_EQ(run_hone(small.train("run", {"--resume", "--set", "target.at_least=0.5", "--threads", "1"})).code, 0);
}

TEST(TrainErrors, WeightsOfAnotherShapeAreRefused) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  const std::string best = small.out("run/best.safetensors");
  expect_one_line(run_hone(small.train("other", {"--init-from", best, "--set", "model.layers.0.conv.filters=4"})), 5,
                  {"best.safetensors", "layers.0.weight is [3, 1, 3, 3] instead of [4, 1, 3, 3]"});
  EXPECT_FALSE(fs::exists(small.folder / "other"));
  const ProcessResult same = run_hone(small.train("same", {"--init-from", best}));
  EXPECT_EQ(same.code, 0) << same.err;
  expect_one_line(run_hone(small.train("none", {"--init-from", small.out("no.safetensors")})), 5, {"no.safetensors"});
}

TEST(TrainErrors, DamagedCheckpointsAreNeverAFreshStart) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run", {"--set", "train.epochs=2"})).code, 0);
  const auto flip = [&](const std::string& name) {
    std::string bytes = slurp(small.folder / name);
    bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 1);
    spill(small.folder / name, bytes);
  };
  flip("run/last.safetensors");
  const ProcessResult older = run_hone(small.train("run", {"--resume"}));
  EXPECT_EQ(older.code, 0) << older.err;
  EXPECT_NE(older.err.find("warning: "), std::string::npos) << older.err;
  flip("run/last.safetensors");
  flip("run/last.1.safetensors");
  expect_one_line(run_hone(small.train("run", {"--resume", "--set", "train.epochs=4"})), 5, {"last.1.safetensors"});
}

// No learning rate that a config takes is too high for batch norm; two plain layers blow up.
constexpr char kPlainLayers[] = "    - dense: 16\n    - dense: 4\n";

TEST(TrainErrors, DivergenceIsSevenAndKeepsWhatWasGood) {
  const SmallRun small("  epochs: 3\n  optimizer: {sgd: {learning_rate: 1000}}\n  on_divergence: {retry: 0}\n",
                       kPlainLayers);
  expect_one_line(run_hone(small.train("run")), 7, {"no longer finite"});
  EXPECT_NO_THROW(verify_checkpoint(small.folder / "run/last.safetensors"));
  const Metrics metrics = read_metrics(small.folder / "run/metrics.json");
  EXPECT_EQ(metrics.status, RunStatus::diverged);
  EXPECT_EQ(metrics.met, false);
  EXPECT_EQ(run_hone({"gate", small.out("run")}).code, 10);
}

bool all_finite(const Checkpoint& checkpoint) {
  return std::all_of(checkpoint.tensors.begin(), checkpoint.tensors.end(), [](const CheckpointTensor& tensor) {
    return std::all_of(tensor.data.begin(), tensor.data.end(), [](float value) { return std::isfinite(value); });
  });
}

TEST(TrainErrors, WhatIsNotFiniteIsNeverSaved) {
  const SmallRun small(
      "  epochs: 20\n  batch_size: 16\n  optimizer: {sgd: {learning_rate: 0.001, momentum: 0.9}}\n"
      "  schedule: {one_cycle: {max_learning_rate: 1000, warmup_share: 1}}\n"
      "  checkpoint: {every_seconds: 1e-6}\n  on_divergence: {retry: 0}\n",
      kPlainLayers);
  expect_one_line(run_hone(small.train("run")), 7, {"no longer finite"});
  for (const char* name : {"last", "last.1", "best", "epoch"}) {
    const fs::path path = small.folder / "run" / (std::string(name) + ".safetensors");
    EXPECT_TRUE(all_finite(read_checkpoint(path))) << name;
  }
  const std::string history = slurp(small.folder / "run/history.csv");
  EXPECT_GT(std::count(history.begin(), history.end(), '\n'), 1) << "it diverged in its first epoch";
  EXPECT_EQ(history.find("nan"), std::string::npos) << history;
  EXPECT_EQ(history.find("inf"), std::string::npos) << history;
}

TEST(TrainErrors, WeightsThatAreNotFiniteAreNotStartedWith) {
  const SmallRun small;
  ASSERT_EQ(run_hone(small.train("run")).code, 0);
  Checkpoint best = read_checkpoint(small.folder / "run/best.safetensors");
  best.tensors[0].data[0] = std::numeric_limits<float>::infinity();
  write_checkpoint(small.folder / "infinite.safetensors", best);
  expect_one_line(run_hone(small.train("other", {"--init-from", small.out("infinite.safetensors")})), 5,
                  {"infinite.safetensors: ", "not finite"});
  EXPECT_FALSE(fs::exists(small.folder / "other"));
}

TEST(TrainErrors, RetriesScaleTheLearningRateAndDependOnNoClock) {
  // A learning rate that grows without end: what is gone back to lies in the middle of the run.
  const SmallRun small(
      "  epochs: 20\n  batch_size: 16\n  optimizer: {sgd: {learning_rate: 0.001}}\n"
      "  schedule: {one_cycle: {max_learning_rate: 1000, warmup_share: 1}}\n"
      "  on_divergence: {retry: 5, scale_learning_rate: 0.001}\n",
      kPlainLayers);
  for (const char* seconds : {"0.0001", "1000"}) {
    const ProcessResult result =
        run_hone(small.train(seconds, {"--set", std::string("train.checkpoint.every_seconds=") + seconds}));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_NE(result.err.find("retry 1 of 5"), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("back to epoch 0"), std::string::npos) << result.err;
    EXPECT_EQ(read_metrics(small.folder / seconds / "metrics.json").status, RunStatus::finished);
  }
  EXPECT_EQ(read_checkpoint(small.folder / "1000/last.safetensors").tensors,
            read_checkpoint(small.folder / "0.0001/last.safetensors").tensors);
  EXPECT_EQ(history_without_times(small.folder / "1000"), history_without_times(small.folder / "0.0001"));
}

TEST(TrainErrors, WrongArgumentsAreTwo) {
  const SmallRun small;
  expect_one_line(run_hone({}), 2, {"--help"});
  expect_one_line(run_hone({"trian"}), 2, {"did you mean 'train'?"});
  expect_one_line(run_hone(small.train("run", {"--rsume"})), 2, {"did you mean '--resume'?"});
  expect_one_line(run_hone(small.train("run", {"--threads", "many"})), 2, {"--threads", "'many'"});
  expect_one_line(run_hone({"train", small.model()}), 2, {"--out"});
  expect_one_line(run_hone({"train", "--out", "x"}), 2, {"config"});
  expect_one_line(run_hone(small.train("run", {"--set", "train.epochs=many"})), 3, {"--set train.epochs: "});
  expect_one_line(run_hone(small.train("run"), {{"HONE_ISA", "mmx"}}), 2, {"mmx"});
  EXPECT_FALSE(fs::exists(small.folder / "run"));
}

TEST(Train, StopsEarlyAndSaysSo) {
  const SmallRun small("  epochs: 500\n  early_stop: {patience: 2}\n");
  const ProcessResult result = run_hone(small.train("run", {"--json"}));
  ASSERT_EQ(result.code, 0) << result.err;
  const Metrics metrics = read_metrics(small.folder / "run/metrics.json");
  EXPECT_EQ(metrics.status, RunStatus::early_stopped);
  EXPECT_LT(*metrics.epochs_done, 500);
  EXPECT_EQ(result.out, slurp(small.folder / "run/metrics.json"));
  // best is the earliest epoch with the highest validation accuracy, and patience epochs followed it.
  const Checkpoint best = read_checkpoint(small.folder / "run/best.safetensors");
  EXPECT_EQ(std::stol(best.metadata.at("hone.epoch")) + 2, *metrics.epochs_done);
}

TEST(Train, WritesTheFilesOfARun) {
  const SmallRun small("  epochs: 8\n  batch_size: 16\n");
  const ProcessResult result = run_hone({"train", small.model(), "--out", small.out("run")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("epoch 8/8: loss"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find('\033'), std::string::npos) << "no terminal, no escape sequences";
  for (const char* name : {"config.yaml", "source.yaml", "history.csv", "events.jsonl", "metrics.json",
                           "last.safetensors", "last.1.safetensors", "best.safetensors", "train.log"})
    EXPECT_TRUE(fs::exists(small.folder / "run" / name)) << name;
  EXPECT_EQ(slurp(small.folder / "run/source.yaml"), slurp(small.model()));
  const Metrics metrics = read_metrics(small.folder / "run/metrics.json");
  EXPECT_GT(*metrics.accuracy, 0.5);
  EXPECT_EQ(metrics.kind, "cnn");
  EXPECT_EQ(metrics.test_images, 100);
  EXPECT_GT(*metrics.images_per_second, 0);
}

}  // namespace
}  // namespace hone::testing
