#include "trainer/tweak/standing.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hone {
namespace {

Metrics measured(double accuracy) {
  Metrics metrics;
  metrics.accuracy = metrics.value = accuracy;
  return metrics;
}

TEST(Standing, TheBestIsTheEarliestOfTheHighest) {
  EXPECT_EQ(best_of(std::vector<Rank>{{0.5, true}, {0.7, true}, {0.7, true}, {-1, false}}), 1u);
  EXPECT_EQ(best_of(std::vector<Rank>{{-1, false}}), 0u);
}

TEST(Standing, CandidatesReachTheTargetByTheirRank) {
  const std::vector<Rank> runs = {{0.7, true}, {0.9, true}, {0.8, true}};
  EXPECT_EQ(standing(runs, false, 0.9).best, 1u);
  EXPECT_TRUE(standing(runs, false, 0.9).reached);
  EXPECT_FALSE(standing(runs, false, 0.9001).reached);
}

TEST(Standing, TheOwnModelIsDecidedOnTheTestSplitAlone) {
  const std::vector<Rank> runs = {{0.95, true}, {0.9, true}};
  EXPECT_FALSE(standing(runs, false, 0.8).reached) << "its validation accuracy is no verdict";
  EXPECT_EQ(standing(runs, false, 0.8).best, 0u);
  const std::vector<Rank> better = {{0.7, true}, {0.9, true}};
  EXPECT_TRUE(standing(better, true, 0.8).reached);
  EXPECT_EQ(standing(better, true, 0.8).best, 0u) << "nothing needs to be changed";
}

TEST(Standing, TrainingAccuracyReachesNoTarget) {
  const std::vector<Rank> runs = {{0.7, false}, {0.99, false}};
  EXPECT_EQ(standing(runs, false, 0.8).best, 1u);
  EXPECT_FALSE(standing(runs, false, 0.8).reached);
}

TEST(Standing, OnlyWhatWasMeasuredMeetsATarget) {
  EXPECT_TRUE(meets_on_test(measured(0.8), 0.8));
  EXPECT_FALSE(meets_on_test(measured(0.7999), 0.8));
  EXPECT_FALSE(meets_on_test(Metrics{}, 0.1));
  for (const RunStatus status : {RunStatus::interrupted, RunStatus::diverged}) {
    Metrics metrics = measured(0.9);
    metrics.status = status;
    EXPECT_FALSE(meets_on_test(metrics, 0.8));
  }
}

}  // namespace
}  // namespace hone
