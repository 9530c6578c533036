#include "trainer/tweak/tweak.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/tweak/edit.hpp"

namespace hone {
namespace {

std::string text(const std::string& layers, const std::string& tweak = "") {
  return "name: net\n"
         "data: {format: idx, path: data, validation: 0.2}\n"
         "model: {input: [1, 12, 12], layers: [" +
         layers +
         "]}\n"
         "train: {epochs: 4}\n"
         "target: {at_least: 0.9}\n" +
         tweak;
}

constexpr char kSmallNet[] =
    "{conv: {filters: 4, kernel: 3}}, {max_pool: 2}, {dense: {units: 8, activation: relu}}, {dense: 10}";

// `validation` and `train`: accuracies after each epoch.
Trial trial(const std::string& yaml, const std::vector<double>& validation, const std::vector<double>& train) {
  Trial t;
  t.config = parse_config(yaml, "net.yaml");
  t.validation_images = 1000;
  for (std::size_t i = 0; i < validation.size(); ++i) {
    HistoryRow& row = t.history.emplace_back();
    row.epoch = static_cast<std::int64_t>(i) + 1;
    row.train_accuracy = train[i];
    row.validation_accuracy = validation[i];
  }
  return t;
}

TEST(Tweak, TrainsForLongerWhileTheLastEpochStillGains) {
  const auto next = next_candidate({trial(text(kSmallNet), {0.5, 0.6, 0.7, 0.82}, {0.5, 0.6, 0.7, 0.95})});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->rule, "more epochs");
  EXPECT_EQ(next->config.train.epochs, 8);
  EXPECT_EQ(next->sentence(),
            "more epochs: epochs 4 -> 8, because the last epoch still gained 12.00 % and 8.00 % are missing");
}

TEST(Tweak, WidensANarrowNetThatUnderfits) {
  const auto next = next_candidate({trial(text(kSmallNet), {0.7, 0.8, 0.8, 0.8}, {0.7, 0.8, 0.81, 0.81})});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->rule, "wider");
  EXPECT_EQ(next->change, "filters 4 -> 8");
  EXPECT_EQ(next->config.model.layers[0].integer("filters"), 8);
  EXPECT_EQ(next->config.model.layers[3].integer("units"), 10) << "one logit a class";
}

TEST(Tweak, DeepensANetThatIsWideAlready) {
  const std::string wide = text("{conv: {filters: 64, kernel: 3}}, {max_pool: 2}, {dense: 10}");
  const auto next = next_candidate({trial(wide, {0.8, 0.8, 0.8, 0.8}, {0.8, 0.8, 0.81, 0.81})});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->rule, "another layer");
  const auto& layers = next->config.model.layers;
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_EQ(layers[1].type, "conv");
  EXPECT_EQ(layers[1].integer("filters"), 64);
  EXPECT_EQ(layers[1].choice("activation"), "relu");
  EXPECT_NO_THROW(cost_of(next->config.model));
}

TEST(Tweak, ANetWithoutConvolutionsGetsADenseLayer) {
  const auto next = next_candidate({trial(text("{dense: 10}"), {0.8, 0.8, 0.8, 0.8}, {0.8, 0.8, 0.8, 0.8})});
  ASSERT_TRUE(next);
  ASSERT_EQ(next->config.model.layers.size(), 2u);
  EXPECT_EQ(next->config.model.layers[0].integer("units"), 64);
  EXPECT_EQ(next->config.model.layers[1].integer("units"), 10);
}

TEST(Tweak, StartsFromTheBestRunAndTriesNothingTwice) {
  const std::vector<double> flat = {0.8, 0.8, 0.8, 0.8};
  std::vector<Trial> trials = {trial(text(kSmallNet), flat, flat)};
  std::vector<std::string> seen = {to_yaml(trials[0].config)};
  while (const auto next = next_candidate(trials)) {
    EXPECT_EQ(next->base, 0u) << "what came later was worse";
    for (const std::string& before : seen) EXPECT_NE(to_yaml(next->config), before);
    seen.push_back(to_yaml(next->config));
    Trial worse = trial(text(kSmallNet), {0.7, 0.7, 0.7, 0.7}, flat);
    worse.config = next->config;
    trials.push_back(worse);
    ASSERT_LT(trials.size(), 20u);
  }
  EXPECT_GE(trials.size(), 5u);
}

TEST(Tweak, KeepsToWhatIsAllowedAndToTheLimits) {
  const std::vector<double> flat = {0.8, 0.8, 0.8, 0.8};
  const auto only = [&](const std::string& tweak) {
    return next_candidate({trial(text(kSmallNet, "tweak: {" + tweak + "}\n"), flat, flat)});
  };
  EXPECT_EQ(only("allow: [epochs]")->rule, "more epochs");
  EXPECT_EQ(only("allow: [depth]")->rule, "another layer");
  EXPECT_EQ(only("allow: [dense]")->change, "units 8 -> 16");
  EXPECT_FALSE(only("allow: [augment]"));
  // The net itself has 4 * 10 + 8 * 101 + 90 = 938 parameters.
  EXPECT_EQ(only("limits: {parameters: 938}")->rule, "more epochs");
  EXPECT_FALSE(only("allow: [width, depth], limits: {macs: 100}"));
}

TEST(Tweak, ADivergedRunGetsALowerLearningRate) {
  Trial diverged = trial(text(kSmallNet), {}, {});
  diverged.status = RunStatus::diverged;
  const auto next = next_candidate({diverged});
  ASSERT_TRUE(next);
  EXPECT_DOUBLE_EQ(next->config.train.optimizer.real("learning_rate"), 0.0025);
}

TEST(Tweak, EveryCandidateIsAConfigThatLoads) {
  for (const char* layers : {kSmallNet, "{dense: 10}",
                             "{conv: {filters: 4, kernel: 3, padding: same}}, {residual: {layers: [{conv: {filters: 4, "
                             "kernel: 3, padding: same}}]}}, "
                             "global_avg_pool, {dense: 10}"}) {
    std::vector<Trial> trials = {trial(text(layers), {0.5, 0.6, 0.7, 0.8}, {0.5, 0.6, 0.7, 0.8})};
    while (const auto next = next_candidate(trials)) {
      const Config read = parse_config(to_yaml(next->config), "candidate.yaml");
      EXPECT_EQ(to_yaml(read), to_yaml(next->config));
      EXPECT_NO_THROW(cost_of(read.model));
      Trial same = trials[0];
      same.config = read;
      trials.push_back(same);
      ASSERT_LT(trials.size(), 30u);
    }
  }
}

TEST(Rank, IsTheBestValidationAccuracyMinusOneStandardError) {
  const Trial t = trial(text(kSmallNet), {0.5, 0.9, 0.8}, {0.9, 0.9, 0.9});
  EXPECT_DOUBLE_EQ(rank_of(t).value, 0.9 - std::sqrt(0.9 * 0.1 / 1000));
  EXPECT_EQ(rank_of(trial(text(kSmallNet), {}, {})).value, -1);
}

}  // namespace
}  // namespace hone
