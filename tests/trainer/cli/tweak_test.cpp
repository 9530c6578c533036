// hone tweak of a program's runs: what a program leaves behind is not trusted.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/hone.hpp"
#include "tests/support/process.hpp"

namespace hone::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr char kConfig[] =
    "name: digits\n"
    "program:\n"
    "  command: [python3, train.py]\n"
    "  parameters:\n"
    "    rate: {type: real, low: 0.001, high: 1, log: true, default: 0.1}\n"
    "    filters: {type: int, low: 1, high: 8, default: 2}\n"
    "target: {at_least: 0.9}\n";

struct Runs {
  TemporaryFolder folder;
  Runs() { folder.write("hone.yaml", kConfig); }

  std::string at(const std::string& name) const { return (folder / name).string(); }
  void add(const std::string& name, const std::string& metrics,
           const std::string& values = R"({"rate": 0.1, "filters": 2})") const {
    folder.write(name + "/metrics.json", metrics);
    folder.write(name + ".json", values);
  }
  ProcessResult tweak(const std::vector<std::string>& runs, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"tweak", "--program", at("hone.yaml"), "--out", at("next.json"), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (const std::string& run : runs) arguments.push_back(at(run));
    fs::remove(folder / "next.json");
    return run_hone(arguments);
  }
};

TEST(TweakProgram, WritesTheDefaultsAndThenWhatIsNext) {
  const Runs runs;
  const ProcessResult first = runs.tweak({});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(json::parse(first.out), (json{{"best", nullptr},
                                          {"reached", false},
                                          {"rule", "defaults"},
                                          {"change", "rate 0.1, filters 2"},
                                          {"reason", "nothing was run yet"},
                                          {"base", nullptr},
                                          {"config", runs.at("next.json")}}));
  const std::string values = slurp(runs.folder / "next.json");
  EXPECT_EQ(json::parse(values), (json{{"rate", 0.1}, {"filters", 2}}));

  runs.add("trial-0", R"({"status": "finished", "accuracy": 0.5, "validation_accuracy": 0.55})", values);
  const ProcessResult next = runs.tweak({"trial-0/"});
  ASSERT_EQ(next.code, 0) << next.err;
  const json object = json::parse(next.out);
  EXPECT_EQ(object["best"], runs.at("trial-0/"));
  EXPECT_EQ(object["base"], runs.at("trial-0/"));
  EXPECT_EQ(object["reached"], false);
  EXPECT_NE(object["reason"].get<std::string>().find("validation accuracy of 55.00 %, target 90.00 %"),
            std::string::npos);
  EXPECT_NE(slurp(runs.folder / "next.json"), values);
}

TEST(TweakProgram, TheOwnRunIsDecidedByItsAccuracyAndCandidatesByTheirRank) {
  const Runs runs;
  runs.add("own", R"({"status": "finished", "accuracy": 0.85, "validation_accuracy": 0.95})");
  runs.add("low", R"({"status": "finished", "validation_accuracy": 0.89})", R"({"rate": 0.2, "filters": 2})");
  runs.add("high", R"({"status": "early_stopped", "validation_accuracy": 0.96})", R"({"rate": 0.3, "filters": 2})");
  const auto answer = [&](const std::vector<std::string>& folders, const std::vector<std::string>& more = {}) {
    const ProcessResult result = runs.tweak(folders, more);
    EXPECT_EQ(result.code, 0) << result.err;
    const json object = json::parse(result.out);
    EXPECT_EQ(fs::exists(runs.folder / "next.json"), !object["reached"].get<bool>());
    return std::pair(object["best"].get<std::string>(), object["reached"].get<bool>());
  };
  EXPECT_EQ(answer({"own"}), std::pair(runs.at("own"), false));
  EXPECT_EQ(answer({"own"}, {"--target", "0.85"}), std::pair(runs.at("own"), true));
  EXPECT_EQ(answer({"own", "low"}), std::pair(runs.at("own"), false));
  EXPECT_EQ(answer({"own", "low", "high"}), std::pair(runs.at("high"), true));
  EXPECT_EQ(answer({"own", "low", "high"}, {"--target", "0.97"}), std::pair(runs.at("high"), false));
}

TEST(TweakProgram, TenWhereEverythingWasTried) {
  const Runs runs;
  runs.folder.write("hone.yaml", "program: {command: [x], parameters: {a: {type: choice, values: [b]}}}\n");
  runs.add("own", R"({"status": "finished", "accuracy": 0.5})", R"({"a": "b"})");
  const ProcessResult result = runs.tweak({"own"});
  EXPECT_EQ(result.code, 10);
  const json object = json::parse(result.out);
  EXPECT_EQ(object["best"], runs.at("own"));
  EXPECT_TRUE(object["rule"].is_null());
  EXPECT_NE(object["reason"].get<std::string>().find("no candidate is left"), std::string::npos);
  EXPECT_FALSE(fs::exists(runs.folder / "next.json"));
}

TEST(TweakProgram, WhatIsNotAsExpectedIsRefusedInOneLine) {
  const Runs runs;
  const auto refused = [&](int code, const std::string& part) {
    const ProcessResult result = runs.tweak({"own"});
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(runs.folder / "next.json"));
  };
  const std::string good = R"({"status": "finished", "accuracy": 0.5})";
  refused(4, "own/metrics.json");
  runs.add("own", R"({"accuracy": 0.5})");
  refused(4, "has no status");
  runs.add("own", R"({"status": "interrupted"})");
  refused(4, "interrupted");
  runs.add("own", R"({"status": "finished", "accuracy": "0.5"})");
  refused(4, "accuracy: expected a number");
  runs.add("own", good, R"({"rate": 7, "filters": 2})");
  refused(4, "own.json: rate: expected a number from 0.001 to 1");
  runs.add("own", good, "{\"rate\": 0.1, \"filters\": 2}" + std::string(1 << 20, ' '));
  refused(4, "own.json");
  runs.add("own", good);
  fs::rename(runs.folder / "own/metrics.json", runs.folder / "real");
  fs::create_symlink("../real", runs.folder / "own/metrics.json");
  refused(4, "own/metrics.json");
  runs.folder.write("hone.yaml", "model: {layers: [relu]}\n");
  refused(3, "hone.yaml:1:1: 'model' describes a network");
}

}  // namespace
}  // namespace hone::testing
