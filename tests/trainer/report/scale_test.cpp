#include "trainer/report/scale.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace hone {
namespace {

std::vector<std::string> texts(const Scale& scale) {
  std::vector<std::string> all;
  for (const Tick& tick : scale.ticks) all.push_back(tick.text);
  return all;
}

using Texts = std::vector<std::string>;

TEST(Scale, TicksAreRound) {
  EXPECT_EQ(texts(round_scale(0.871, 0.984, 5, 0.01)), (Texts{"85", "90", "95", "100"}));
  EXPECT_EQ(texts(round_scale(0, 2.3, 5)), (Texts{"0.0", "0.5", "1.0", "1.5", "2.0", "2.5"}));
  EXPECT_EQ(texts(linear_scale(0.9, 3.1, 8, true)), (Texts{"1", "2", "3"}));
  EXPECT_EQ(texts(linear_scale(0.2, 100.8, 8, true)), (Texts{"20", "40", "60", "80", "100"}));
  EXPECT_EQ(texts(log_scale(0.02, 31, 6)), (Texts{"0.01", "0.1", "1", "10", "100"}));
}

TEST(Scale, PlacesLieBetweenItsEnds) {
  const Scale linear = round_scale(0, 10, 5), logarithmic = log_scale(0.1, 10, 4);
  EXPECT_DOUBLE_EQ(linear.place(2.5), 0.25);
  EXPECT_DOUBLE_EQ(logarithmic.place(1), 0.5);
  EXPECT_EQ(linear.place(11), 1);
  EXPECT_EQ(linear.place(-1), 0);
}

TEST(Scale, NoSpanAndAnySpanAreTaken) {
  for (const auto& [low, high] : {std::pair{0.5, 0.5}, {0.0, 0.0}, {-1e300, 1e300}, {1e300, 1e300}, {3.0, 2.0}})
    for (const Scale& scale :
         {linear_scale(low, high, 5), round_scale(low, high, 5), linear_scale(low, high, 5, true)}) {
      EXPECT_LT(scale.low, scale.high);
      EXPECT_LT(scale.ticks.size(), 20u);
      EXPECT_TRUE(std::isfinite(scale.place(low))) << low;
    }
  EXPECT_LT(log_scale(1e-12, 1e12, 6).ticks.size(), 8u);
  EXPECT_LT(log_scale(5, 5, 6).low, 5.0000001);
}

}  // namespace
}  // namespace hone
