// Pooling kernels of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::from_lanes;
using test::random_values;
using test::to_lanes;

using Sizes = std::array<std::int64_t, 2>;  // rows, columns

PoolShape make(std::int64_t c, Sizes in, Sizes size, Sizes stride, Sizes pad) {
  const auto out = [&](std::size_t i) { return (in[i] + 2 * pad[i] - size[i]) / stride[i] + 1; };
  return {c, in[0], in[1], out(0), out(1), size[0], size[1], stride[0], stride[1], pad[0], pad[1]};
}

struct Results {
  std::vector<float> max, argmax, max_diff, avg, avg_diff;
};

template <class T>
Results run(const KernelTable<T>& table, const PoolShape& shape, std::int64_t images, const std::vector<float>& src,
            const std::vector<float>& diff) {
  const std::int64_t L = table.lanes, blocks = (images + L - 1) / L;
  const auto lanes = [&](const std::vector<float>& plain, std::int64_t size) {
    const auto blocked = to_lanes(plain, images, size, L);
    return std::vector<T>(blocked.begin(), blocked.end());
  };
  const auto plain = [&](const std::vector<T>& blocked, std::int64_t size) {
    return from_lanes(std::vector<float>(blocked.begin(), blocked.end()), images, size, L);
  };
  const auto x = lanes(src, shape.src_size()), d = lanes(diff, shape.dst_size());
  std::vector<T> dst(d.size(), T(NAN)), without(d.size(), T(NAN)), argmax(d.size(), T(NAN)), back(x.size(), T(NAN));
  Results out;
  table.max_pool_forward(shape, x.data(), dst.data(), argmax.data(), blocks);
  table.max_pool_forward(shape, x.data(), without.data(), nullptr, blocks);
  EXPECT_TRUE(test::same_bits(dst, without)) << "argmax changes the maximum";
  table.max_pool_backward(shape, d.data(), argmax.data(), back.data(), blocks);
  out.max = plain(dst, shape.dst_size());
  out.argmax = plain(argmax, shape.dst_size());
  out.max_diff = plain(back, shape.src_size());
  std::fill(back.begin(), back.end(), T(NAN));
  table.avg_pool_forward(shape, x.data(), dst.data(), blocks);
  table.avg_pool_backward(shape, d.data(), back.data(), blocks);
  out.avg = plain(dst, shape.dst_size());
  out.avg_diff = plain(back, shape.src_size());
  return out;
}

void check(const PoolShape& shape) {
  SCOPED_TRACE(testing::Message() << "C " << shape.c << " HxW " << shape.h << "x" << shape.w << " window "
                                  << shape.size_h << "x" << shape.size_w << " stride " << shape.stride_h << ","
                                  << shape.stride_w << " pad " << shape.pad_h << "," << shape.pad_w);
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    for (const std::int64_t images : test::image_counts(table.lanes)) {
      SCOPED_TRACE(testing::Message() << isa << " N " << images);
      auto src = random_values(images * shape.src_size(), 1);
      for (std::size_t i = 0; i < src.size(); i += 3) src[i] = 0.25f;  // ties
      const auto diff = random_values(images * shape.dst_size(), 2);
      const Results expected = run(kernel_table<double>(), shape, images, src, diff);
      const Results got = run(table, shape, images, src, diff);
      test::expect_close(got.max, expected.max, 0, "max forward");
      test::expect_close(got.argmax, expected.argmax, 0, "argmax");
      test::expect_close(got.max_diff, expected.max_diff, 1e-6, "max backward");
      test::expect_close(got.avg, expected.avg, 1e-6, "avg forward");
      test::expect_close(got.avg_diff, expected.avg_diff, 1e-6, "avg backward");
    }
  }
}

TEST(Pool, NamedShapes) {
  check(make(3, {8, 6}, {2, 2}, {2, 2}, {0, 0}));    // the usual one
  check(make(2, {9, 7}, {2, 2}, {2, 2}, {0, 0}));    // a row and a column are left over
  check(make(1, {2, 2}, {2, 2}, {2, 2}, {0, 0}));    // one window
  check(make(2, {6, 6}, {2, 2}, {2, 2}, {1, 1}));    // padded
  check(make(4, {9, 9}, {3, 3}, {2, 2}, {1, 1}));    // overlapping
  check(make(2, {7, 8}, {3, 2}, {1, 3}, {1, 0}));    // each axis its own
  check(make(5, {4, 3}, {4, 3}, {4, 3}, {0, 0}));    // all of a channel
  check(make(2, {5, 5}, {1, 1}, {2, 2}, {0, 0}));    // skips pixels
  check(make(1, {1, 1}, {1, 1}, {1, 1}, {0, 0}));    // nothing to do
  check(make(1, {3, 20}, {2, 5}, {2, 4}, {1, 2}));   // most of a window on padding
  check(make(7, {13, 11}, {5, 4}, {3, 5}, {2, 2}));  // prime sizes
}

// Maximum and argmax of one window in every lane, with the values `window`.
std::array<float, 2> winner(const KernelTable<float>& table, const PoolShape& shape, const std::vector<float>& window) {
  const auto src = to_lanes(
      [&] {
        std::vector<float> images;
        for (std::int64_t l = 0; l < table.lanes; ++l) images.insert(images.end(), window.begin(), window.end());
        return images;
      }(),
      table.lanes, shape.src_size(), table.lanes);
  std::vector<float> dst(static_cast<std::size_t>(table.lanes)), argmax(dst.size());
  table.max_pool_forward(shape, src.data(), dst.data(), argmax.data(), 1);
  for (std::size_t l = 1; l < dst.size(); ++l) {
    EXPECT_EQ(std::isnan(dst[l]), std::isnan(dst[0]));
    EXPECT_EQ(argmax[l], argmax[0]);
  }
  return {dst[0], argmax[0]};
}

TEST(Pool, TheFirstOfEqualsWins) {
  for (const std::string_view isa : available_isas()) {
    SCOPED_TRACE(isa);
    const KernelTable<float>& table = kernel_table<float>(isa);
    EXPECT_EQ(winner(table, make(1, {2, 2}, {2, 2}, {2, 2}, {0, 0}), {1, 3, 3, 3}), (std::array<float, 2>{3, 1}));
    EXPECT_EQ(winner(table, make(1, {1, 4}, {1, 4}, {1, 4}, {0, 0}), {2, 3, 3, 1}), (std::array<float, 2>{3, 1}));
  }
}

TEST(Pool, PaddingNeverWins) {
  for (const std::string_view isa : available_isas()) {
    const auto [value, tap] = winner(kernel_table<float>(isa), make(1, {1, 1}, {3, 3}, {3, 3}, {1, 1}), {-5});
    EXPECT_EQ(value, -5) << isa;
    EXPECT_EQ(tap, 4) << isa;
  }
}

TEST(Pool, NotANumberWinsWhereverItStands) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  for (const std::string_view isa : available_isas())
    for (const PoolShape& shape : {make(1, {2, 2}, {2, 2}, {2, 2}, {0, 0}), make(1, {1, 4}, {1, 4}, {1, 4}, {0, 0})})
      for (std::size_t place = 0; place < 4; ++place) {
        std::vector<float> window{1, 2, kLowest, 4};
        window[place] = NAN;
        const auto [value, tap] = winner(kernel_table<float>(isa), shape, window);
        EXPECT_TRUE(std::isnan(value)) << isa << " " << place;
        EXPECT_EQ(tap, static_cast<float>(place)) << isa;
      }
}

}  // namespace
}  // namespace hone
