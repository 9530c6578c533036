#include "engine/data/sampling.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace hone {
namespace {

// Image i is {i, i / 256}; labels as counts[label] says, mixed.
Split make_split(const std::vector<std::size_t>& counts) {
  Split split;
  std::vector<std::size_t> left = counts;
  for (bool any = true; any;) {
    any = false;
    for (std::size_t label = 0; label < left.size(); ++label) {
      if (left[label] == 0) continue;
      --left[label];
      any = true;
      const auto id = static_cast<std::uint32_t>(split.count++);
      split.labels.push_back(static_cast<std::int32_t>(label));
      split.ids.push_back(id);
      split.pixels.push_back(static_cast<std::uint8_t>(id));
      split.pixels.push_back(static_cast<std::uint8_t>(id >> 8));
    }
  }
  return split;
}

std::vector<std::size_t> histogram(const Split& split, std::size_t classes) {
  std::vector<std::size_t> counts(classes);
  for (const std::int32_t label : split.labels) counts[static_cast<std::size_t>(label)]++;
  return counts;
}

void expect_consistent(const Split& split, const Split& original) {
  ASSERT_EQ(split.pixels.size(), 2 * static_cast<std::size_t>(split.count));
  ASSERT_EQ(split.labels.size(), static_cast<std::size_t>(split.count));
  for (std::size_t i = 0; i < split.ids.size(); ++i) {
    EXPECT_EQ(split.pixels[2 * i] + 256u * split.pixels[2 * i + 1], split.ids[i]);
    EXPECT_EQ(split.labels[i], original.labels[split.ids[i]]);
    ASSERT_TRUE(i == 0 || split.ids[i - 1] < split.ids[i]);
  }
}

TEST(StratifiedSample, SharesByLargestRemainder) {
  const Split split = make_split({500, 300, 199, 1});
  Split sample = split;
  limit_split(sample, 100, 42, "limit");
  // 50, 30, 19.9, 0.1
  EXPECT_EQ(histogram(sample, 4), (std::vector<std::size_t>{50, 30, 20, 0}));
  expect_consistent(sample, split);
  sample = split;
  limit_split(sample, 3, 42, "limit");  // 1.5, 0.9, 0.597, 0.003
  EXPECT_EQ(histogram(sample, 4), (std::vector<std::size_t>{1, 1, 1, 0}));
  sample = split;
  limit_split(sample, 5000, 42, "limit");
  EXPECT_EQ(sample.count, 1000);
}

TEST(StratifiedSample, TiesGoToLowerLabels) {
  const Split split = make_split({4, 4, 4, 4});
  Split sample = split;
  limit_split(sample, 6, 1, "limit");
  EXPECT_EQ(histogram(sample, 4), (std::vector<std::size_t>{2, 2, 1, 1}));
}

TEST(StratifiedSample, SeedAndUseDecide) {
  const Split split = make_split({200, 200});
  const auto chosen = [&](std::uint64_t seed, const char* use) {
    return stratified_sample(split.labels, 100, seed, use);
  };
  EXPECT_EQ(chosen(1, "a"), chosen(1, "a"));
  EXPECT_NE(chosen(1, "a"), chosen(2, "a"));
  EXPECT_NE(chosen(1, "a"), chosen(1, "b"));
  // Known values: they must stay, or a seed means other images than before.
  const auto first = stratified_sample(split.labels, 8, 42, "limit");
  EXPECT_EQ(first, (std::vector<std::uint32_t>{69, 110, 181, 188, 241, 349, 358, 374}));
}

TEST(StratifiedSample, EveryImageIsEquallyLikely) {
  const Split split = make_split({40, 10});
  std::vector<int> times(50);
  for (std::uint64_t seed = 0; seed < 2000; ++seed)
    for (const std::uint32_t position : stratified_sample(split.labels, 25, seed, "x")) times[position]++;
  for (const int count : times) EXPECT_NEAR(count, 1000, 120);
}

TEST(StratifiedSample, EmptyAndMissingLabels) {
  EXPECT_TRUE(stratified_sample({}, 10, 1, "x").empty());
  const std::vector<std::int32_t> labels = {5, 5, 2};
  EXPECT_EQ(stratified_sample(labels, 3, 1, "x"), (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_TRUE(stratified_sample(labels, 0, 1, "x").empty());
}

TEST(SplitValidation, IsADisjointStratifiedPart) {
  Dataset set;
  set.train = make_split({600, 300, 100});
  const Split original = set.train;
  split_validation(set, 0.1, 7);
  EXPECT_EQ(set.validation.count, 100);
  EXPECT_EQ(set.train.count, 900);
  EXPECT_EQ(histogram(set.validation, 3), (std::vector<std::size_t>{60, 30, 10}));
  expect_consistent(set.validation, original);
  expect_consistent(set.train, original);
  std::set<std::uint32_t> ids(set.train.ids.begin(), set.train.ids.end());
  ids.insert(set.validation.ids.begin(), set.validation.ids.end());
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(SplitValidation, AlwaysLeavesBothSides) {
  for (const double share : {0.0001, 0.5, 0.9999}) {
    Dataset set;
    set.train = make_split({3, 2});
    split_validation(set, share, 7);
    EXPECT_GE(set.validation.count, 1);
    EXPECT_GE(set.train.count, 1);
    EXPECT_EQ(set.validation.count + set.train.count, 5);
  }
  Dataset set;
  set.train = make_split({3, 2});
  split_validation(set, 0, 7);
  EXPECT_EQ(set.validation.count, 0);
  EXPECT_EQ(set.train.count, 5);
}

}  // namespace
}  // namespace hone
