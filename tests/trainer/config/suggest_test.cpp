#include "trainer/config/suggest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace hone {
namespace {

TEST(Suggest, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("filters", "fitlers"), 1);  // neighbours swapped
  EXPECT_EQ(edit_distance("Conv", "conv"), 0);
  EXPECT_EQ(edit_distance("ca", "abc"), 3);  // optimal string alignment, not Damerau's 2
}

TEST(Suggest, TheClosestOrNothing) {
  constexpr std::array<std::string_view, 4> kWords = {"filters", "kernel", "stride", "padding"};
  EXPECT_EQ(did_you_mean("filter", kWords), "; did you mean 'filters'?");
  EXPECT_EQ(did_you_mean("KERNEL", kWords), "; did you mean 'kernel'?");
  EXPECT_EQ(did_you_mean("strides", kWords), "; did you mean 'stride'?");
  EXPECT_EQ(did_you_mean("units", kWords), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'f'), kWords), "");
  EXPECT_EQ(joined(kWords), "filters, kernel, stride, padding");
}

}  // namespace
}  // namespace hone
