// Passes of batch normalisation of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::from_lanes;
using test::random_values;
using test::to_lanes;

struct Case {
  std::int64_t channels, pixels;
  float offset;  // of all values: a mean far from zero
  bool relu = false;
};

struct Results {
  std::vector<float> moments, applied, sums, diff_src;
};

template <class T>
Results run(const KernelTable<T>& table, const Case& c, std::int64_t images, const std::vector<float>& src,
            const std::vector<float>& diff) {
  const std::int64_t L = table.lanes, blocks = (images + L - 1) / L, size = c.channels * c.pixels;
  const auto typed = [](const std::vector<float>& values) { return std::vector<T>(values.begin(), values.end()); };
  const auto plain = [&](const std::vector<T>& blocked) {
    return from_lanes(std::vector<float>(blocked.begin(), blocked.end()), images, size, L);
  };
  // What stands in lanes without an image must not matter to moments.
  auto x = typed(to_lanes(src, images, size, L));
  for (std::int64_t b = 0, i = 0; b < blocks; ++b)
    for (std::int64_t j = 0; j < size; ++j)
      for (std::int64_t l = 0; l < L; ++l, ++i)
        if (b * L + l >= images) x[static_cast<std::size_t>(i)] = T(1e6);
  const auto d = typed(to_lanes(diff, images, size, L));
  const auto of_channel = [&](std::uint64_t seed) { return typed(random_values(c.channels, seed)); };
  const auto scale = of_channel(3), shift = of_channel(4), third = of_channel(5);

  const Scaling<T> scaling{scale.data(), shift.data()}, cut = c.relu ? scaling : Scaling<T>{};
  std::vector<T> moments(static_cast<std::size_t>(2 * c.channels), T(NAN)), sums(moments), dst(x.size(), T(NAN)), mean;
  Results out;
  table.batch_norm_moments(c.channels, c.pixels, x.data(), moments.data(), blocks, images);
  table.batch_norm_apply(c.channels, c.pixels, x.data(), scaling, c.relu, dst.data(), blocks);
  out.applied = plain(dst);
  for (std::int64_t i = 0; i < c.channels; ++i) mean.push_back(T(c.offset) + T(0.01) * static_cast<T>(i));
  table.batch_norm_backward_sums(c.channels, c.pixels, x.data(), d.data(), cut, mean.data(), sums.data(), blocks);
  std::fill(dst.begin(), dst.end(), T(NAN));
  table.batch_norm_backward_apply(c.channels, c.pixels, x.data(), d.data(), cut, scale.data(), shift.data(),
                                  third.data(), dst.data(), blocks, images);
  out.diff_src = plain(dst);
  for (std::int64_t b = 0, i = 0; b < blocks; ++b)
    for (std::int64_t j = 0; j < size; ++j)
      for (std::int64_t l = 0; l < L; ++l, ++i) {
        const bool wrong = b * L + l >= images && dst[static_cast<std::size_t>(i)] != T(0);
        EXPECT_FALSE(wrong) << "a gradient in lane " << l << " of block " << b;
      }
  out.moments.assign(moments.begin(), moments.end());
  out.sums.assign(sums.begin(), sums.end());
  return out;
}

TEST(BatchNorm, AgreesWithTheDefinition) {
  for (const Case& c : {Case{1, 1, 0}, Case{3, 1, 0.5f}, Case{2, 2, 0}, Case{5, 7, -1}, Case{4, 64, 0}, Case{17, 9, 3},
                        Case{2, 25, 100}, Case{1, 1, 0, true}, Case{17, 9, 0.5f, true}, Case{4, 64, 0, true}})
    for (const std::string_view isa : available_isas()) {
      const KernelTable<float>& table = kernel_table<float>(isa);
      for (const std::int64_t images : test::image_counts(table.lanes)) {
        SCOPED_TRACE(testing::Message() << isa << " N " << images << " C " << c.channels << " pixels " << c.pixels
                                        << " offset " << c.offset << " relu " << c.relu);
        auto src = random_values(images * c.channels * c.pixels, 1);
        for (float& value : src) value += c.offset;
        const auto diff = random_values(static_cast<std::int64_t>(src.size()), 2);
        const Results expected = run(kernel_table<double>(), c, images, src, diff);
        const Results got = run(table, c, images, src, diff);
        for (std::size_t i = 0; i < expected.moments.size(); i += 2) {
          EXPECT_NEAR(got.moments[i], expected.moments[i], 1e-6 * std::max(1.0f, std::abs(c.offset))) << "mean";
          EXPECT_NEAR(got.moments[i + 1], expected.moments[i + 1], 1e-5 * (expected.moments[i + 1] + 1)) << "m2";
        }
        test::expect_close(got.applied, expected.applied, 1e-6, "apply");
        test::expect_close(got.sums, expected.sums, 1e-5, "backward sums");
        test::expect_close(got.diff_src, expected.diff_src, 2e-6, "backward");
      }
    }
}

TEST(BatchNorm, MomentsByHand) {
  // One channel of two pixels in two images: 1, 2 and 3, 6.
  const std::vector<double> src{1, 2, 3, 6};
  std::vector<double> moments(2);
  kernel_table<double>().batch_norm_moments(1, 2, src.data(), moments.data(), 2, 2);
  EXPECT_EQ(moments, (std::vector<double>{3, 4 + 1 + 0 + 9}));
}

}  // namespace
}  // namespace hone
