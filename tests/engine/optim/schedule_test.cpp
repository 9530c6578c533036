#include "engine/optim/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/optim/registry.hpp"

namespace hone {
namespace {

using Options = std::map<std::string, OptionValue, std::less<>>;

Component schedule(std::string type, Options options = {}) { return {std::move(type), std::move(options), {}, {}}; }

double rate(const Component& s, std::int64_t step, std::int64_t steps_per_epoch, std::int64_t epochs,
            double base = 0.1) {
  return learning_rate(s, {base, step, steps_per_epoch, epochs});
}

TEST(Schedule, ConstantIsTheOptimizersRate) {
  EXPECT_EQ(rate(schedule("constant"), 0, 10, 3), 0.1);
  EXPECT_EQ(rate(schedule("constant"), 29, 10, 3), 0.1);
}

TEST(Schedule, StepChangesAtTheEpochsBoundary) {
  const Component s = schedule("step", {{"every_epochs", std::int64_t{2}}, {"factor", 0.5}});
  EXPECT_EQ(rate(s, 19, 10, 6), 0.1);
  EXPECT_EQ(rate(s, 20, 10, 6), 0.05);
  EXPECT_EQ(rate(s, 39, 10, 6), 0.05);
  EXPECT_EQ(rate(s, 40, 10, 6), 0.025);
}

TEST(Schedule, ExponentialIsAPowerOfTheEpoch) {
  const Component s = schedule("exponential", {{"factor", 0.9}});
  EXPECT_EQ(rate(s, 9, 10, 20), 0.1);
  EXPECT_NEAR(rate(s, 10, 10, 20), 0.09, 1e-16);
  EXPECT_NEAR(rate(s, 130, 10, 20), 0.1 * std::pow(0.9, 13), 1e-16);
}

TEST(Schedule, CosineWarmsUpLinearly) {
  const Component s = schedule("cosine", {{"warmup_epochs", 1.0}, {"min_learning_rate", 0.01}});
  EXPECT_NEAR(rate(s, 0, 4, 3), 0.025, 1e-16);
  EXPECT_NEAR(rate(s, 2, 4, 3), 0.075, 1e-16);
  EXPECT_EQ(rate(s, 3, 4, 3), 0.1);
  EXPECT_NEAR(rate(s, 4, 4, 3), 0.1, 1e-16);
  EXPECT_NEAR(rate(s, 8, 4, 3), 0.055, 1e-16);  // halfway between 0.1 and 0.01
  EXPECT_NEAR(rate(s, 10, 4, 3), 0.01 + 0.09 * (1 - std::sqrt(0.5)) / 2, 1e-16);
}

// torch.optim.lr_scheduler.CosineAnnealingLR(T_max=12) stepped once a batch, base 0.1.
TEST(Schedule, CosineWithoutWarmupIsPyTorchs) {
  const Component s = schedule("cosine", {{"warmup_epochs", 0.0}, {"min_learning_rate", 0.0}});
  const std::vector<double> expected = {
      0.1,
      0.09829629131445342,
      0.09330127018922195,
      0.08535533905932738,
      0.07500000000000001,
      0.06294095225512605,
      0.05000000000000001,
      0.03705904774487397,
      0.025000000000000015,
      0.01464466094067263,
      0.006698729810778066,
      0.0017037086855465904,
  };
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(rate(s, static_cast<std::int64_t>(i), 4, 3), expected[i], 1e-15) << "step " << i;
}

TEST(Schedule, CosineThatIsAllWarmupStaysFinite) {
  const Component s = schedule("cosine", {{"warmup_epochs", 3.0}, {"min_learning_rate", 0.0}});
  for (std::int64_t i = 0; i < 14; ++i) {
    EXPECT_GE(rate(s, i, 4, 3), 0);
    EXPECT_LE(rate(s, i, 4, 3), 0.1 + 1e-16);
  }
}

// torch.optim.lr_scheduler.OneCycleLR(max_lr=0.5, total_steps=20, pct_start=0.3, div_factor=5), base 0.1.
TEST(Schedule, OneCycleIsPyTorchs) {
  const Component s = schedule("one_cycle", {{"max_learning_rate", 0.5}, {"warmup_share", 0.3}});
  const std::vector<double> expected = {
      0.09999999999999998,
      0.13819660112501048,
      0.2381966011250105,
      0.36180339887498947,
      0.46180339887498945,
      0.5,
      0.49373210340589496,
      0.47524271213126523,
      0.4454589614595951,
      0.4058743330156741,
      0.3584737653606939,
      0.30563412088440883,
      0.250005,
      0.1943758791155912,
      0.1415362346393061,
      0.09413566698432592,
      0.05455103854040489,
      0.024767287868734753,
      0.006277896594105004,
      1e-05,
  };
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(rate(s, static_cast<std::int64_t>(i), 5, 4), expected[i], 1e-15) << "step " << i;
}

TEST(Schedule, OneCycleWithoutOrWithOnlyWarmup) {
  EXPECT_EQ(rate(schedule("one_cycle", {{"max_learning_rate", 0.5}, {"warmup_share", 0.0}}), 0, 5, 4), 0.5);
  const Component up = schedule("one_cycle", {{"max_learning_rate", 0.5}, {"warmup_share", 1.0}});
  EXPECT_NEAR(rate(up, 0, 5, 4), 0.1, 1e-15);
  EXPECT_EQ(rate(up, 19, 5, 4), 0.5);
  EXPECT_EQ(rate(up, 0, 1, 1), 0.5);
}

// torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.1, patience=1) over these losses.
TEST(Schedule, PlateauIsPyTorchs) {
  const Component s = schedule("plateau", {{"patience", std::int64_t{1}}, {"factor", 0.1}});
  const std::vector<double> losses = {1.0, 0.9, 0.95, 0.90001, 0.89999, 0.8, 0.8, 0.79999, 0.8, 0.8, 0.7};
  const std::vector<double> expected = {
      0.1,
      0.1,
      0.1,
      0.010000000000000002,
      0.010000000000000002,
      0.010000000000000002,
      0.010000000000000002,
      0.0010000000000000002,
      0.0010000000000000002,
      0.00010000000000000003,
      0.00010000000000000003,
  };
  ASSERT_EQ(expected.size(), losses.size());
  for (std::size_t n = 0; n < losses.size(); ++n) {
    const auto step = static_cast<std::int64_t>(10 * (n + 1));
    EXPECT_NEAR(learning_rate(s, {0.1, step, 10, 50, std::span(losses).first(n + 1)}), expected[n], 1e-16) << n;
  }
  EXPECT_EQ(learning_rate(s, {0.1, 0, 10, 50, {}}), 0.1);
}

TEST(Schedule, PlateauCountsALossThatIsNoNumberAsNoGain) {
  const Component s = schedule("plateau", {{"patience", std::int64_t{0}}, {"factor", 0.5}});
  const std::vector<double> losses = {1.0, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(learning_rate(s, {0.1, 20, 10, 50, losses}), 0.05);
}

TEST(Schedule, EachTypeIsFoundByItsName) {
  ASSERT_EQ(schedule_types().size(), 6U);
  for (const ComponentType* type : schedule_types()) EXPECT_EQ(find_schedule_type(type->name), type);
  EXPECT_EQ(find_schedule_type("cosin"), nullptr);
  EXPECT_THROW(learning_rate(schedule("cosin"), {}), Error);
}

}  // namespace
}  // namespace hone
