#include "engine/data/augment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

using Image = std::vector<std::uint8_t>;
using Result = std::vector<float>;

Component shift(std::int64_t pixels) { return {"shift", {{"pixels", pixels}}, {}, {"c.yaml", 3, 5}}; }
Component crop(std::int64_t padding) { return {"crop", {{"padding", padding}}, {}, {}}; }
Component cutout(std::int64_t size) { return {"cutout", {{"size", size}}, {}, {"c.yaml", 4, 5}}; }
Component rotate(double degrees) { return {"rotate", {{"degrees", degrees}}, {}, {}}; }
Component flip(const char* direction, double probability = 0.5) {
  return {"flip", {{"direction", std::string(direction)}, {"probability", probability}}, {}, {}};
}

// Every pixel another value, none 0.
Image numbered(const Shape& shape) {
  Image image(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i % 255 + 1);
  return image;
}

Result run(const Augmenter& augmenter, const Image& image, std::uint32_t id = 0, std::uint64_t epoch = 0) {
  Result result(image.size(), -1.0f);
  augmenter.apply(image.data(), id, epoch, result.data());
  return result;
}

float value(const Image& image, const Shape& shape, std::int64_t c, std::int64_t y, std::int64_t x) {
  if (y < 0 || y >= shape.h || x < 0 || x >= shape.w) return 0;
  return image[static_cast<std::size_t>((c * shape.h + y) * shape.w + x)];
}

Result shifted(const Image& image, const Shape& shape, std::int64_t dy, std::int64_t dx) {
  Result result;
  for (std::int64_t c = 0; c < shape.c; ++c)
    for (std::int64_t y = 0; y < shape.h; ++y)
      for (std::int64_t x = 0; x < shape.w; ++x) result.push_back(value(image, shape, c, y + dy, x + dx));
  return result;
}

TEST(Augment, IdentityCases) {
  const Shape shape{3, 5, 7};
  const Image image = numbered(shape);
  const Result same(image.begin(), image.end());
  const std::vector<std::vector<Component>> lists = {{shift(0)},
                                                     {crop(0)},
                                                     {flip("horizontal", 0)},
                                                     {rotate(0)},
                                                     {shift(0), rotate(0), flip("vertical", 0)},
                                                     {flip("horizontal", 1), flip("horizontal", 1)},
                                                     {flip("vertical", 1), rotate(0), flip("vertical", 1)}};
  for (const auto& list : lists)
    for (std::uint32_t id = 0; id < 20; ++id) EXPECT_EQ(run(*make_augmenter(list, 1, shape), image, id), same);
  EXPECT_EQ(make_augmenter({}, 1, shape), nullptr);
}

TEST(Augment, FlipsAreExact) {
  const Shape shape{2, 4, 5};
  const Image image = numbered(shape);
  const auto list = std::vector{flip("horizontal", 1)};
  const Result horizontal = run(*make_augmenter(list, 1, shape), image);
  const auto list2 = std::vector{flip("vertical", 1)};
  const Result vertical = run(*make_augmenter(list2, 1, shape), image);
  const auto list3 = std::vector{rotate(0), flip("vertical", 1)};  // by the path that interpolates
  EXPECT_EQ(run(*make_augmenter(list3, 1, shape), image), vertical);
  std::size_t i = 0;
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t y = 0; y < 4; ++y)
      for (std::int64_t x = 0; x < 5; ++x, ++i) {
        EXPECT_EQ(horizontal[i], value(image, shape, c, y, 4 - x));
        EXPECT_EQ(vertical[i], value(image, shape, c, 3 - y, x));
      }
}

TEST(Augment, ShiftsAreExactAndUniform) {
  const Shape shape{2, 6, 5};
  const Image image = numbered(shape);
  for (const Component& component : {shift(2), crop(2)}) {
    const auto list = std::vector{component};
    const auto augmenter = make_augmenter(list, 3, shape);
    std::map<std::pair<int, int>, int> seen;
    for (std::uint32_t id = 0; id < 5000; ++id) {
      const Result result = run(*augmenter, image, id);
      bool found = false;
      for (int dy = -2; dy <= 2 && !found; ++dy)
        for (int dx = -2; dx <= 2 && !found; ++dx)
          if (result == shifted(image, shape, dy, dx)) {
            found = true;
            seen[{dy, dx}]++;
          }
      ASSERT_TRUE(found) << id;
    }
    ASSERT_EQ(seen.size(), 25u);
    for (const auto& [offset, times] : seen) EXPECT_NEAR(times, 200, 70);
  }
}

TEST(Augment, FlipsTheShareThatWasAskedFor) {
  const Shape shape{1, 1, 2};
  const Image image = {1, 2};
  for (const double probability : {0.5, 0.2}) {
    const auto list = std::vector{flip("horizontal", probability)};
    const auto augmenter = make_augmenter(list, 3, shape);
    int flipped = 0;
    for (std::uint32_t id = 0; id < 10000; ++id) flipped += run(*augmenter, image, id)[0] == 2 ? 1 : 0;
    EXPECT_NEAR(flipped, 10000 * probability, 250);
  }
}

TEST(Augment, CutoutBlanksASquare) {
  const Shape shape{2, 9, 11};
  const Image image = numbered(shape);
  const auto list = std::vector{cutout(4)};
  const auto augmenter = make_augmenter(list, 3, shape);
  std::map<std::pair<int, int>, int> corners;
  for (std::uint32_t id = 0; id < 9900; ++id) {
    const Result result = run(*augmenter, image, id);
    int left = 99, right = -1, top = 99, bottom = -1, blank = 0;
    for (int i = 0; i < 198; ++i) {
      if (result[static_cast<std::size_t>(i)] != 0) {
        ASSERT_EQ(result[static_cast<std::size_t>(i)], image[static_cast<std::size_t>(i)]);
        continue;
      }
      ++blank;
      left = std::min(left, i % 11), right = std::max(right, i % 11);
      top = std::min(top, i / 11 % 9), bottom = std::max(bottom, i / 11 % 9);
    }
    ASSERT_EQ(blank, 2 * (right - left + 1) * (bottom - top + 1));
    ASSERT_TRUE(right - left + 1 == 4 || left == 0 || right == 10);
    ASSERT_TRUE(bottom - top + 1 == 4 || top == 0 || bottom == 8);
    corners[{right, bottom}]++;
  }
  EXPECT_GT(corners.size(), 60u);
}

// A smooth image, turned: what is at a place must be what was at the place turned back.
TEST(Augment, RotationTurnsAboutTheCentre) {
  const Shape shape{1, 33, 33};
  const auto smooth = [](double x, double y) { return 128 + 50 * std::sin(x / 9) + 50 * std::cos(y / 7); };
  Image image;
  for (int i = 0; i < 33 * 33; ++i) image.push_back(static_cast<std::uint8_t>(std::lround(smooth(i % 33, i / 33))));
  const auto list = std::vector{rotate(30)};
  const auto augmenter = make_augmenter(list, 8, shape);
  std::vector<double> angles;
  for (std::uint32_t id = 0; id < 300; ++id) {
    const Result result = run(*augmenter, image, id);
    double best = 1e9, best_angle = 0;
    for (double angle = -31; angle <= 31; angle += 0.5) {
      const double c = std::cos(angle * M_PI / 180), s = std::sin(angle * M_PI / 180);
      double difference = 0;
      for (int y = 8; y < 25; ++y)
        for (int x = 8; x < 25; ++x) {
          const double from_x = c * (x - 16) - s * (y - 16) + 16, from_y = s * (x - 16) + c * (y - 16) + 16;
          difference =
              std::max(difference, std::abs(result[static_cast<std::size_t>(y * 33 + x)] - smooth(from_x, from_y)));
        }
      if (difference < best) best = difference, best_angle = angle;
    }
    ASSERT_LT(best, 2.0);
    angles.push_back(best_angle);
  }
  std::sort(angles.begin(), angles.end());
  EXPECT_NEAR(angles[0], -30, 1);
  EXPECT_NEAR(angles[150], 0, 5);
  EXPECT_NEAR(angles[299], 30, 1);
}

TEST(Augment, FlatImagesStayFlat) {
  const Shape shape{1, 20, 20};
  const Image flat(400, 90);
  const auto list = std::vector{rotate(180)};
  const auto augmenter = make_augmenter(list, 8, shape);
  for (std::uint32_t id = 0; id < 100; ++id) {
    const Result result = run(*augmenter, flat, id);
    for (int y = 5; y < 15; ++y)
      for (int x = 5; x < 15; ++x) ASSERT_NEAR(result[static_cast<std::size_t>(y * 20 + x)], 90, 1e-4);
    for (const float v : result) ASSERT_TRUE(v >= 0 && v <= 90.001f);
  }
}

// Both paths must agree: a rotation by 0 sends everything through the one that interpolates.
TEST(Augment, ComposedInTheOrderOfTheList) {
  const Shape shape{2, 12, 10};
  const Image image = numbered(shape);
  const std::vector<Component> list = {shift(3),         cutout(4), flip("horizontal"), crop(2), cutout(3),
                                       flip("vertical"), shift(2)};
  std::vector<Component> interpolating = list;
  interpolating.push_back(rotate(0));
  const auto fast = make_augmenter(list, 5, shape);
  const auto slow = make_augmenter(interpolating, 5, shape);
  std::set<Result> different;
  for (std::uint32_t id = 0; id < 300; ++id) {
    const Result result = run(*fast, image, id, 7);
    ASSERT_EQ(result, run(*slow, image, id, 7)) << id;
    different.insert(result);
  }
  EXPECT_GT(different.size(), 290u);
  // What a shift moved out does not come back with the next one.
  const auto twice = std::vector{shift(2), shift(2)};
  const auto augmenter = make_augmenter(twice, 5, shape);
  for (std::uint32_t id = 0; id < 200; ++id) {
    const Result result = run(*augmenter, image, id);
    bool explained = false;
    for (int a = 0; a < 625 && !explained; ++a) {
      const int y1 = a % 5 - 2, x1 = a / 5 % 5 - 2, y2 = a / 25 % 5 - 2, x2 = a / 125 - 2;
      const Result first = shifted(image, shape, y1, x1);
      explained = result == shifted(Image(first.begin(), first.end()), shape, y2, x2);
    }
    ASSERT_TRUE(explained) << id;
  }
}

TEST(Augment, KeyedBySeedEpochIdAndPlace) {
  const Shape shape{1, 28, 28};
  const Image image = numbered(shape);
  const std::vector<Component> list = {shift(3), rotate(10), cutout(8)};
  const auto augmenter = make_augmenter(list, 5, shape), again = make_augmenter(list, 5, shape);
  const Result first = run(*augmenter, image, 17, 3);
  for (std::uint32_t id = 0; id < 50; ++id) run(*again, image, id, 1);
  EXPECT_EQ(run(*again, image, 17, 3), first);  // whatever was drawn before
  EXPECT_NE(run(*augmenter, image, 18, 3), first);
  EXPECT_NE(run(*augmenter, image, 17, 4), first);
  EXPECT_NE(run(*make_augmenter(list, 6, shape), image, 17, 3), first);
  // The same augmentation twice in the list draws twice.
  const std::vector<Component> twice = {flip("horizontal"), flip("horizontal")};
  const auto flips = make_augmenter(twice, 5, shape);
  int differ = 0;
  for (std::uint32_t id = 0; id < 1000; ++id) differ += run(*flips, image, id)[0] == 1 ? 0 : 1;
  EXPECT_NEAR(differ, 500, 60);
}

TEST(Augment, WhatDoesNotSuitIsRefused) {
  const Shape shape{1, 8, 20};
  const auto make = [&](const Component& component) { return make_augmenter(std::span(&component, 1), 1, shape); };
  EXPECT_HONE_ERROR(make(shift(8)), config, "c.yaml:3:5: shift of 8 pixels does not suit images of [1, 8, 20]");
  EXPECT_HONE_ERROR(make(cutout(9)), config, "c.yaml:4:5: cutout of 9 pixels");
  EXPECT_HONE_ERROR(make(crop(9)), config, "crop of 9");
  EXPECT_NE(make(cutout(7)), nullptr);
  const std::vector<Component> many(17, shift(1));
  EXPECT_HONE_ERROR(make_augmenter(many, 1, shape), config, "more than 16 augmentations");
}

TEST(Augment, TypesDescribeThemselves) {
  std::vector<std::string_view> names;
  for (const ComponentType* type : augment_types()) {
    names.push_back(type->name);
    EXPECT_FALSE(type->doc.empty());
    EXPECT_EQ(
        std::count_if(type->options.begin(), type->options.end(), [](const OptionSpec& o) { return o.shorthand; }), 1);
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"shift", "flip", "rotate", "cutout", "crop"}));
}

}  // namespace
}  // namespace hone
