// What kernel tests share: values, layouts, comparison.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/base/rng.hpp"

namespace hone::test {

// Uniform in [-1, 1).
inline std::vector<float> random_values(std::int64_t count, std::uint64_t seed) {
  Random random(derive_key(seed, "kernel test"), 0);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = 2 * random.uniform_float() - 1;
  return values;
}

// [images][size] -> [blocks][size][lanes]; lanes beyond the last image are zero.
inline std::vector<float> to_lanes(const std::vector<float>& plain, std::int64_t images, std::int64_t size,
                                   std::int64_t lanes) {
  std::vector<float> out(static_cast<std::size_t>((images + lanes - 1) / lanes * lanes * size));
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t i = 0; i < size; ++i)
      out[static_cast<std::size_t>((n / lanes * size + i) * lanes + n % lanes)] =
          plain[static_cast<std::size_t>(n * size + i)];
  return out;
}

inline std::vector<float> from_lanes(const std::vector<float>& blocked, std::int64_t images, std::int64_t size,
                                     std::int64_t lanes) {
  std::vector<float> out(static_cast<std::size_t>(images * size));
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t i = 0; i < size; ++i)
      out[static_cast<std::size_t>(n * size + i)] =
          blocked[static_cast<std::size_t>((n / lanes * size + i) * lanes + n % lanes)];
  return out;
}

inline std::vector<double> widen(const std::vector<float>& values) { return {values.begin(), values.end()}; }

inline std::vector<float> narrow(const std::vector<double>& values) {
  std::vector<float> out;
  for (const double value : values) out.push_back(static_cast<float>(value));
  return out;
}

// Numbers of images that end a block of `lanes` in every way, in one block and in several.
inline std::vector<std::int64_t> image_counts(std::int64_t lanes) {
  std::vector<std::int64_t> counts{1};
  for (const std::int64_t n : {lanes - 1, lanes, lanes + 1, 3 * lanes - 1, 4 * lanes})
    if (n > counts.back()) counts.push_back(n);
  return counts;
}

// Largest difference within `tolerance` of the largest expected value.
inline void expect_close(const std::vector<float>& got, const std::vector<float>& expected, double tolerance,
                         std::string_view what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double scale = 1e-3;
  for (const float value : expected) scale = std::max(scale, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance * scale) << what << " [" << i << "]";
}

// Unlike ==, tells 0 from -0 and finds a NaN equal to itself.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace hone::test
