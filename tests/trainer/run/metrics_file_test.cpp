#include "trainer/run/metrics_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;

Metrics sample() {
  Metrics metrics;
  metrics.name = "lenet";
  metrics.kind = "cnn";
  metrics.status = RunStatus::early_stopped;
  metrics.metric = "accuracy";
  metrics.value = 0.9912;
  metrics.target = 0.985;
  metrics.met = true;
  metrics.accuracy = 0.9912;
  metrics.loss = 0.1 + 0.2;
  metrics.validation_accuracy = 0.99;
  metrics.epochs_done = 10;
  metrics.images_per_second = 12345.5;
  metrics.train_seconds = 43.75;
  metrics.parameters = 431080;
  metrics.macs_per_image = 2293000;
  metrics.peak_rss_bytes = std::int64_t{5} << 32;
  metrics.threads = 2;
  metrics.isa = "avx2";
  metrics.seed = std::numeric_limits<std::uint64_t>::max();
  metrics.commit = "0123abcd";
  metrics.version = "0.1.0";
  metrics.test_images = 10000;
  metrics.validation_images = 6000;
  metrics.confusion = Confusion{{"cat", "\"dog\""}, {{5000, 88}, {0, 4912}}};
  return metrics;
}

TEST(Metrics, ComeBackAsTheyWere) {
  const TemporaryFolder folder;
  write_metrics(folder / "metrics.json", sample());
  EXPECT_EQ(read_metrics(folder / "metrics.json"), sample());
  write_metrics(folder / "metrics.json", {});
  EXPECT_EQ(read_metrics(folder / "metrics.json"), Metrics{});
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"metrics.json"});
}

TEST(Metrics, HoldTheFieldsInTheirOrder) {
  std::vector<std::string> names;
  const auto object = nlohmann::ordered_json::parse(format_metrics(sample()));
  for (const auto& [name, value] : object.items()) {
    EXPECT_FALSE(value.is_null()) << name;
    names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"name",
                                             "kind",
                                             "status",
                                             "metric",
                                             "value",
                                             "target",
                                             "met",
                                             "accuracy",
                                             "loss",
                                             "validation_accuracy",
                                             "epochs_done",
                                             "images_per_second",
                                             "train_seconds",
                                             "parameters",
                                             "macs_per_image",
                                             "peak_rss_bytes",
                                             "threads",
                                             "isa",
                                             "seed",
                                             "commit",
                                             "version",
                                             "test_images",
                                             "validation_images",
                                             "confusion"}));
  EXPECT_EQ(object["status"], "early_stopped");
  EXPECT_EQ(object["seed"].dump(), "18446744073709551615");
}

TEST(Metrics, UnknownAndNotFiniteAreNull) {
  Metrics metrics;
  metrics.status = RunStatus::diverged;
  metrics.loss = std::nan("");
  metrics.images_per_second = std::numeric_limits<double>::infinity();
  const auto object = nlohmann::json::parse(format_metrics(metrics));
  EXPECT_EQ(object.size(), 24u);
  for (const auto& [name, value] : object.items()) EXPECT_EQ(value.is_null(), name != "status") << name;
}

TEST(Metrics, NamesThatAreNoUtf8DoNotLoseTheFile) {
  Metrics metrics;
  metrics.commit = "a\xff";
  EXPECT_EQ(nlohmann::json::parse(format_metrics(metrics))["commit"], "a\xef\xbf\xbd");
}

TEST(Metrics, ReadingTakesMissingAndMoreFields) {
  const TemporaryFolder folder;
  spill(folder / "m", R"({"status": "finished", "accuracy": 1, "epochs_done": 3, "more": {"a": [1]}, "loss": null})");
  const Metrics metrics = read_metrics(folder / "m");
  EXPECT_EQ(metrics.accuracy, 1.0);
  EXPECT_EQ(metrics.epochs_done, 3);
  EXPECT_FALSE(metrics.loss);
  EXPECT_FALSE(metrics.value);
}

TEST(Metrics, WhatIsWrongIsNamed) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const char* part) {
    spill(folder / "m.json", text);
    expect_error(
        ErrorKind::data, [&] { read_metrics(folder / "m.json"); }, "m.json: ", part);
  };
  refused("", "no JSON at byte");
  refused("{", "no JSON at byte");
  refused("[]", "expected a JSON object");
  refused(R"({"accuracy": 0.9})", "has no status");
  refused(R"({"status": null})", "status: expected finished");
  refused(R"({"status": "Finished"})", "status: expected finished");
  refused(R"({"status": 1})", "status: expected finished");
  refused(R"({"status": "finished", "status": "diverged"})", "'status' is there twice");
  const auto field = [&](const std::string& text, const char* part) {
    refused(R"({"status":"finished",)" + text + "}", part);
  };
  field(R"("accuracy": "0.9")", "accuracy: expected a number or null");
  field(R"("accuracy": true)", "accuracy: expected a number or null");
  field(R"("accuracy": [0.9])", "accuracy: expected a number or null");
  field(R"("accuracy": 1.5)", "accuracy: expected a number in [0, 1]");
  field(R"("accuracy": -0.1)", "accuracy: expected a number in [0, 1]");
  field(R"("accuracy": NaN)", "no JSON at byte");
  field(R"("loss": 1e999)", "a number that is too large");
  field(R"("target": 0)", "target: expected a number in (0, 1]");
  field(R"("met": 1)", "met: expected true, false or null");
  field(R"("epochs_done": 1.5)", "epochs_done: expected a count");
  field(R"("epochs_done": -1)", "epochs_done: expected a count");
  field(R"("parameters": 9223372036854775808)", "parameters: expected a count");
  field(R"("seed": -1)", "seed: expected an integer");
  field(R"("train_seconds": -1)", "train_seconds: expected a number that is not negative");
  field(R"("name": 3)", "name: expected a string");
  field(R"("kind": "rnn")", "kind: expected cnn, dense or program");
  const char* kConfusion = "confusion: expected labels and a square of counts";
  for (const char* bad :
       {"3", "[]", "{}", R"({"labels": ["a"]})", R"({"labels": "a", "counts": [[1]]})",
        R"({"labels": ["a"], "counts": 1})", R"({"labels": ["a"], "counts": []})",
        R"({"labels": ["a"], "counts": [1]})", R"({"labels": [1], "counts": [[1]]})",
        R"({"labels": ["a"], "counts": [[1, 2]]})", R"({"labels": ["a"], "counts": [[-1]]})",
        R"({"labels": ["a"], "counts": [[1.5]]})", R"({"labels": ["a"], "counts": [[9223372036854775807]]})"})
    field(R"("confusion": )" + std::string(bad), kConfusion);
  refused(std::string(1 << 20, '['), "is nested too deeply");
  refused(std::string((1 << 20) + 1, ' '), "at most 1048576");
}

TEST(Metrics, OnlyRegularFilesAreRead) {
  const TemporaryFolder folder;
  write_metrics(folder / "real", sample());
  std::filesystem::create_symlink("real", folder / "link");
  expect_error(
      ErrorKind::data, [&] { read_metrics(folder / "link"); }, "link: is a symbolic link");
  expect_error(
      ErrorKind::data, [&] { read_metrics(folder / "none"); }, "none: does not exist");
  expect_error(
      ErrorKind::data, [&] { read_metrics(folder.path()); }, "is a folder");
}

}  // namespace
}  // namespace hone
