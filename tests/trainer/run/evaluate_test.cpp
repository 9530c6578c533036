#include "trainer/run/evaluate.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_error.hpp"
#include "trainer/run/gate.hpp"

namespace hone {
namespace {

TEST(ClassScores, FollowTheirDefinitions) {
  // Right classes in rows. Class 2 has no images and is never the answer.
  const auto scores = class_scores({{8, 2, 0}, {4, 6, 0}, {0, 0, 0}});
  EXPECT_EQ(scores[0].images, 10);
  EXPECT_DOUBLE_EQ(*scores[0].precision, 8.0 / 12);
  EXPECT_DOUBLE_EQ(*scores[0].recall, 0.8);
  EXPECT_DOUBLE_EQ(*scores[0].f1, 2 * (8.0 / 12) * 0.8 / (8.0 / 12 + 0.8));
  EXPECT_DOUBLE_EQ(*scores[1].precision, 0.75);
  EXPECT_FALSE(scores[2].precision || scores[2].recall || scores[2].f1);
}

TEST(WilsonInterval, AgreesWithTabulatedValues) {
  // R: prop.test(x, n, correct = FALSE)$conf.int
  const Interval ten = wilson_interval(0.5, 10);
  EXPECT_NEAR(ten.low, 0.2365931, 1e-7);
  EXPECT_NEAR(ten.high, 0.7634069, 1e-7);
  const Interval all = wilson_interval(1, 100);
  EXPECT_NEAR(all.low, 0.9630065, 1e-7);
  EXPECT_DOUBLE_EQ(all.high, 1);
  EXPECT_EQ(wilson_interval(std::nan(""), 10).low, 0);
}

Metrics metrics_of(double value) {
  Metrics metrics;
  metrics.value = value;
  metrics.target = 0.9;
  metrics.test_images = 100;
  return metrics;
}

TEST(Judge, TheValueDecides) {
  EXPECT_TRUE(judge(metrics_of(0.9), {}, "m").met);
  EXPECT_FALSE(judge(metrics_of(0.8999), {}, "m").met);
  EXPECT_TRUE(judge(metrics_of(0.8999), 0.5, "m").met);
  EXPECT_NEAR(judge(metrics_of(0.5), {}, "m").interval->low, wilson_interval(0.5, 100).low, 1e-15);
  Metrics untargeted = metrics_of(0.79);
  untargeted.target.reset();
  EXPECT_FALSE(judge(untargeted, {}, "m").met);
  untargeted.value = 0.80;
  EXPECT_TRUE(judge(untargeted, {}, "m").met);
}

TEST(Judge, WhatIsUnknownOrNotFiniteIsNeverMet) {
  EXPECT_FALSE(judge(metrics_of(std::nan("")), {}, "m").met);
  EXPECT_FALSE(judge(metrics_of(std::nan("")), {}, "m").value);
  Metrics unknown;  // what is not finite is null in the file
  unknown.met = false;
  EXPECT_FALSE(judge(unknown, {}, "m").met);
  Metrics diverged = metrics_of(0.95);
  diverged.status = RunStatus::diverged;
  EXPECT_FALSE(judge(diverged, {}, "m").met);
  Metrics interrupted = metrics_of(0.95);
  interrupted.status = RunStatus::interrupted;
  EXPECT_HONE_ERROR(judge(interrupted, {}, "runs/metrics.json"), data, "runs/metrics.json", "interrupted");
  EXPECT_HONE_ERROR(judge(Metrics{}, {}, "runs/metrics.json"), data, "runs/metrics.json",
                    "not measured on the test split");
}

}  // namespace
}  // namespace hone
