#include "engine/data/normalize.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace hone {
namespace {

Split random_split(const Shape& shape, std::int64_t count) {
  Split split;
  split.count = count;
  unsigned state = 1;
  for (std::int64_t i = 0; i < count * shape.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    split.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return split;
}

TEST(ChannelStatistics, AgreeWithTwoPasses) {
  const Shape shape{3, 5, 7};
  const Split split = random_split(shape, 11);
  const auto statistics = channel_statistics(split, shape);
  ASSERT_EQ(statistics.size(), 3u);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<double> values;
    for (std::size_t n = 0; n < 11; ++n)
      for (std::size_t i = 0; i < 35; ++i) values.push_back(split.pixels[(n * 3 + c) * 35 + i]);
    double mean = 0, variance = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values) variance += (v - mean) * (v - mean) / static_cast<double>(values.size());
    EXPECT_NEAR(statistics[c].mean, mean, 1e-10);
    EXPECT_NEAR(statistics[c].deviation, std::sqrt(variance), 1e-10);
  }
}

TEST(Normalization, MakesWhatItSays) {
  const Shape shape{2, 4, 4};
  const Split split = random_split(shape, 50);
  const Normalization none = normalization("none", split, shape);
  EXPECT_EQ(none.mean, (std::vector<float>{0, 0}));
  EXPECT_EQ(none.scale, (std::vector<float>{1, 1}));
  const Normalization unit = normalization("unit", split, shape);
  EXPECT_FLOAT_EQ((255 - unit.mean[1]) * unit.scale[1], 1.0f);
  const Normalization standard = normalization("standard", split, shape);
  for (std::size_t c = 0; c < 2; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t n = 0; n < 50; ++n)
      for (std::size_t i = 0; i < 16; ++i) {
        const double x =
            (static_cast<float>(split.pixels[(n * 2 + c) * 16 + i]) - standard.mean[c]) * standard.scale[c];
        sum += x, squares += x * x;
      }
    EXPECT_NEAR(sum / 800, 0, 1e-5);
    EXPECT_NEAR(squares / 800, 1, 1e-5);
  }
}

TEST(Normalization, FlatChannelsStayFinite) {
  const Shape shape{1, 10, 10};
  for (int value = 0; value < 256; ++value) {
    Split split;
    split.count = 999;
    split.pixels.assign(99900, static_cast<std::uint8_t>(value));
    const Normalization flat = normalization("standard", split, shape);
    EXPECT_EQ(flat.mean[0], static_cast<float>(value));
    EXPECT_EQ(flat.scale[0], 1.0f / 255.0f);
  }
}

}  // namespace
}  // namespace hone
