// Runs along an axis against every pair of output and tap, one by one.
#include "engine/kernels/shapes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <tuple>

namespace hone {
namespace {

struct Axis {
  std::int64_t in, kernel, stride, pad, dilation;
  std::int64_t out() const { return (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1; }
};

// Calls body for every axis that fits, of small numbers.
template <class Body>
void for_each_axis(const Body& body) {
  for (std::int64_t in = 1; in <= 9; ++in)
    for (std::int64_t kernel = 1; kernel <= 5; ++kernel)
      for (std::int64_t stride = 1; stride <= 4; ++stride)
        for (std::int64_t pad = 0; pad <= 5; ++pad)
          for (std::int64_t dilation = 1; dilation <= 4; ++dilation) {
            const Axis axis{in, kernel, stride, pad, dilation};
            if (in + 2 * pad < (kernel - 1) * dilation + 1) continue;
            SCOPED_TRACE(testing::Message() << "in " << in << " kernel " << kernel << " stride " << stride << " pad "
                                            << pad << " dilation " << dilation);
            body(axis);
            if (testing::Test::HasFailure()) return;
          }
}

// (output, tap) -> source, of what runs say; every output must be covered once.
std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> pairs_of(const std::vector<AxisRun>& runs,
                                                                       std::int64_t outputs) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> pairs;
  std::vector<int> covered(static_cast<std::size_t>(outputs));
  for (const AxisRun& run : runs)
    for (std::int64_t i = 0; i < run.count; ++i) {
      const std::int64_t out = run.out_first + i * run.out_step;
      EXPECT_GE(out, 0);
      EXPECT_LT(out, outputs);
      if (out < 0 || out >= outputs) return pairs;
      ++covered[static_cast<std::size_t>(out)];
      const std::int64_t first_tap = run.lacks_first && i == 0 ? 1 : 0;
      const std::int64_t taps_end = run.lacks_last && i == run.count - 1 ? run.taps - 1 : run.taps;
      for (std::int64_t j = first_tap; j < taps_end; ++j)
        pairs[{out, run.tap_first + j * run.tap_step}] = run.src_first + i * run.src_step + j * run.src_tap_step;
    }
  for (const int times : covered) EXPECT_EQ(times, 1);
  return pairs;
}

TEST(AxisRuns, ForwardNamesEveryTapInsideTheInput) {
  for_each_axis([](const Axis& a) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> expected;
    for (std::int64_t o = 0; o < a.out(); ++o)
      for (std::int64_t tap = 0; tap < a.kernel; ++tap) {
        const std::int64_t src = o * a.stride - a.pad + tap * a.dilation;
        if (src >= 0 && src < a.in) expected[{o, tap}] = src;
      }
    EXPECT_EQ(pairs_of(forward_runs(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation), a.out()), expected);
  });
}

TEST(AxisRuns, BackwardIsTheTransposeOfForward) {
  for_each_axis([](const Axis& a) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> expected;
    for (std::int64_t o = 0; o < a.out(); ++o)
      for (std::int64_t tap = 0; tap < a.kernel; ++tap) {
        const std::int64_t src = o * a.stride - a.pad + tap * a.dilation;
        if (src >= 0 && src < a.in) expected[{src, a.kernel - 1 - tap}] = o;
      }
    EXPECT_EQ(pairs_of(backward_runs(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation), a.in), expected);
  });
}

TEST(AxisRuns, JoinedEndsUseTheSameTaps) {
  for_each_axis([](const Axis& a) {
    auto forward = forward_runs(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation);
    auto backward = backward_runs(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation);
    const auto expected_forward = pairs_of(forward, a.out()), expected_backward = pairs_of(backward, a.in);
    join_ends(forward);
    join_ends(backward);
    EXPECT_EQ(pairs_of(forward, a.out()), expected_forward);
    EXPECT_EQ(pairs_of(backward, a.in), expected_backward);
  });
}

TEST(AxisRuns, EndsOfThreeTapsAreJoined) {
  for (const std::int64_t width : {3, 4, 32}) {
    for (auto runs : {forward_runs(width, width, 3, 1, 1, 1), backward_runs(width, width, 3, 1, 1, 1)}) {
      join_ends(runs);
      ASSERT_EQ(runs.size(), 1u);
      EXPECT_EQ(runs[0].count, width);
      EXPECT_TRUE(runs[0].lacks_first && runs[0].lacks_last);
    }
  }
  auto full = backward_runs(32, 30, 3, 1, 0, 1);  // every output of two taps or fewer is at an end
  join_ends(full);
  EXPECT_EQ(full.size(), 5u);
}

TEST(AxisRuns, PixelsBetweenTheEdgesAreOneRun) {
  EXPECT_EQ(forward_runs(28, 24, 5, 1, 0, 1).size(), 1u);
  EXPECT_EQ(forward_runs(32, 32, 3, 1, 1, 1).size(), 3u);
  EXPECT_EQ(backward_runs(32, 32, 3, 1, 1, 1).size(), 3u);
  // A class of pixels for each remainder by the stride.
  EXPECT_GE(backward_runs(16, 8, 2, 2, 0, 1).size(), 2u);
}

TEST(ConvPlan, HoldsTheRunsOfBothAxes) {
  ConvShape shape;
  shape.c = shape.k = 2;
  shape.h = 6;
  shape.w = 5;
  shape.r = 3;
  shape.s = 1;
  shape.out_h = 4;
  shape.out_w = 5;
  const ConvPlan plan(shape);
  ASSERT_EQ(plan.rows.size(), 1u);
  EXPECT_EQ(plan.rows[0].count, 4);
  EXPECT_EQ(plan.rows[0].taps, 3);
  ASSERT_EQ(plan.columns.size(), 1u);
  EXPECT_EQ(plan.columns[0].count, 5);
  EXPECT_EQ(plan.columns[0].taps, 1);
  EXPECT_EQ(shape.macs(), 2 * 2 * 3 * 4 * 5);
}

TEST(ConvPlan, CanBeLimitedToSomeRows) {
  ConvShape shape;
  shape.c = shape.k = 1;
  shape.h = shape.out_h = 9;
  shape.w = shape.out_w = 4;
  shape.r = shape.s = 3;
  shape.pad_h = shape.pad_w = 1;
  const ConvPlan plan(shape);
  // Every row with its first source and taps, from all parts together.
  const auto rows_of = [](const ConvPlan& part) {
    std::vector<std::array<std::int64_t, 4>> rows;
    for (const AxisRun& run : part.rows)
      for (std::int64_t i = 0; i < run.count; ++i)
        rows.push_back({run.out_first + i, run.src_first + i * run.src_step, run.tap_first, run.taps});
    return rows;
  };
  const auto all = rows_of(plan);
  ASSERT_EQ(all.size(), 9u);
  for (std::int64_t cut = 0; cut <= 9; ++cut) {
    auto rows = rows_of(plan.only_rows(0, cut));
    EXPECT_EQ(static_cast<std::int64_t>(rows.size()), cut);
    for (const auto& row : rows_of(plan.only_rows(cut, 9))) rows.push_back(row);
    EXPECT_EQ(rows, all) << cut;
  }
}

}  // namespace
}  // namespace hone
