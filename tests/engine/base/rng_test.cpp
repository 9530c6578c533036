#include "engine/base/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace hone {
namespace {

using Block = std::array<std::uint32_t, 4>;

// Random123's kat_vectors: philox4x32 10. Its counter words are least significant first.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox::at(0, 0, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox::at(~0ULL, ~0ULL, ~0ULL), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox::at(0x299f31d0a4093822ULL, 0x0370734413198a2eULL, 0x85a308d3243f6a88ULL),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, KeysOfDifferentUsesDiffer) {
  std::set<std::uint64_t> keys;
  for (const char* use : {"shuffle", "augment", "dropout", "init", ""})
    for (std::uint64_t seed = 0; seed < 50; ++seed) keys.insert(derive_key(seed, use));
  EXPECT_EQ(keys.size(), 250u);
}

TEST(Random, StartsAnywhere) {
  Random whole(7, 3);
  for (int i = 0; i < 8; ++i) whole.next_u32();
  Random later(7, 3, 2);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(whole.next_u32(), later.next_u32());
}

TEST(Random, BelowIsUniformAndInRange) {
  Random random(1, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) counts[random.below(7)]++;
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(random.below(1), 0u);
  const std::uint64_t large = (1ULL << 40) + 3;
  std::uint64_t highest = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t draw = random.below(large);
    ASSERT_LT(draw, large);
    highest = std::max(highest, draw);
  }
  EXPECT_GT(highest, large - large / 100);
  // A bound where plain multiplication is visibly biased: 3 * 2^30 of 2^32.
  int lower_third = 0;
  for (int i = 0; i < 30000; ++i) lower_third += random.below(3ULL << 30) < (1ULL << 30) ? 1 : 0;
  EXPECT_NEAR(lower_third, 10000, 400);
}

TEST(Random, UniformMoments) {
  Random random(2, 0);
  double sum = 0, squares = 0, float_sum = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double x = random.uniform();
    const float f = random.uniform_float();
    ASSERT_TRUE(x >= 0 && x < 1 && f >= 0 && f < 1);
    sum += x, squares += x * x, float_sum += f;
  }
  EXPECT_NEAR(sum / n, 0.5, 0.003);
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.003);
  EXPECT_NEAR(float_sum / n, 0.5, 0.003);
}

TEST(Random, NormalMomentsAndTails) {
  Random random(3, 0);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  int within_one = 0, beyond_three = 0;
  const int n = 400000;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
    within_one += std::abs(x) < 1;
    beyond_three += std::abs(x) > 3;
  }
  EXPECT_NEAR(m1 / n, 0, 0.008);
  EXPECT_NEAR(m2 / n, 1, 0.012);
  EXPECT_NEAR(m3 / n, 0, 0.04);
  EXPECT_NEAR(m4 / n, 3, 0.1);
  EXPECT_NEAR(double(within_one) / n, 0.682689, 0.004);
  EXPECT_NEAR(double(beyond_three) / n, 0.0026998, 0.0004);
}

TEST(Random, ShuffleIsAFairPermutation) {
  Random random(4, 0);
  std::map<std::vector<int>, int> orders;
  for (int i = 0; i < 24000; ++i) {
    std::vector<int> values{0, 1, 2, 3};
    random.shuffle(std::span<int>(values));
    orders[values]++;
  }
  ASSERT_EQ(orders.size(), 24u);
  double chi_squared = 0;
  for (const auto& [order, count] : orders) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_squared, 49.7);  // 23 degrees of freedom, p = 0.001
}

TEST(PortableMath, LogAgreesWithLibm) {
  Random random(5, 0);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(random.uniform() + 0.5, static_cast<int>(random.below(2000)) - 1000);
    const double expected = std::log(x);
    EXPECT_NEAR(portable::log(x), expected, 4e-16 * std::max(0.5, std::abs(expected))) << x;
  }
  EXPECT_EQ(portable::log(1.0), 0.0);
}

TEST(PortableMath, SinCosAgreesWithLibm) {
  Random random(6, 0);
  for (int i = 0; i < 40000; ++i) {
    const double range = i % 2 == 0 ? 7 : 1e6;
    const double x = (2 * random.uniform() - 1) * range;
    const auto [s, c] = portable::sin_cos(x);
    EXPECT_NEAR(s, std::sin(x), 1e-15) << x;
    EXPECT_NEAR(c, std::cos(x), 1e-15) << x;
  }
  EXPECT_EQ(portable::sin_cos(0).sin, 0.0);
  EXPECT_EQ(portable::sin_cos(0).cos, 1.0);
}

}  // namespace
}  // namespace hone
