// Softmax cross-entropy and loading of images, every ISA of this machine against the definition in double.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::from_lanes;
using test::random_values;
using test::to_lanes;

struct Results {
  std::vector<float> loss, correct, diff;
};

// One block with `valid` images; logits (valid, classes).
template <class T>
Results run(const KernelTable<T>& table, const LossArgs<T>& args, const std::vector<float>& logits,
            const std::vector<std::int32_t>& labels) {
  const std::int64_t L = table.lanes, valid = static_cast<std::int64_t>(labels.size());
  const auto blocked = to_lanes(logits, valid, args.classes, L);
  const std::vector<T> x(blocked.begin(), blocked.end());
  std::vector<T> loss(static_cast<std::size_t>(L), T(NAN)), correct(loss), diff(x.size(), T(NAN)), again(loss);
  table.softmax_cross_entropy(args, x.data(), labels.data(), valid, loss.data(), correct.data(), diff.data());
  table.softmax_cross_entropy(args, x.data(), labels.data(), valid, again.data(), correct.data(), nullptr);
  EXPECT_TRUE(test::same_bits(loss, again)) << "the gradient changes the loss";
  for (std::int64_t l = valid; l < L; ++l) {
    EXPECT_EQ(loss[static_cast<std::size_t>(l)], T(0));
    EXPECT_EQ(correct[static_cast<std::size_t>(l)], T(0));
    for (std::int64_t k = 0; k < args.classes; ++k) EXPECT_EQ(diff[static_cast<std::size_t>(k * L + l)], T(0));
  }
  Results out;
  out.loss.assign(loss.begin(), loss.begin() + valid);
  out.correct.assign(correct.begin(), correct.begin() + valid);
  out.diff = from_lanes(std::vector<float>(diff.begin(), diff.end()), valid, args.classes, L);
  return out;
}

// The reference takes one image at a time.
Results reference(const LossArgs<float>& args, const std::vector<float>& logits,
                  const std::vector<std::int32_t>& labels) {
  const LossArgs<double> wide{args.classes, static_cast<double>(args.smoothing), static_cast<double>(args.weight)};
  Results all;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>(n) * args.classes;
    const Results one = run(kernel_table<double>(), wide, {first, first + args.classes}, {labels[n]});
    all.loss.push_back(one.loss[0]);
    all.correct.push_back(one.correct[0]);
    all.diff.insert(all.diff.end(), one.diff.begin(), one.diff.end());
  }
  return all;
}

TEST(Loss, AgreesWithTheDefinition) {
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    for (const std::int64_t classes : {1, 2, 3, 10, 257})
      for (std::int64_t valid = 1; valid <= table.lanes; ++valid)
        for (const float smoothing : {0.0f, 0.1f})
          for (const float size : {1.0f, 30.0f, 1000.0f}) {
            SCOPED_TRACE(testing::Message() << isa << " classes " << classes << " valid " << valid << " smoothing "
                                            << smoothing << " size " << size);
            auto logits = random_values(valid * classes, 5);
            for (float& value : logits) value *= size;
            std::vector<std::int32_t> labels;
            for (std::int64_t n = 0; n < valid; ++n) labels.push_back(static_cast<std::int32_t>(n * 7 % classes));
            const LossArgs<float> args{classes, smoothing, 1.0f / 64};
            const Results expected = reference(args, logits, labels), got = run(table, args, logits, labels);
            for (std::size_t n = 0; n < labels.size(); ++n)
              ASSERT_NEAR(got.loss[n], expected.loss[n], 1e-6 * std::max(1.0f, expected.loss[n])) << "image " << n;
            test::expect_close(got.correct, expected.correct, 0, "correct");
            test::expect_close(got.diff, expected.diff, 1e-5, "gradient");
          }
  }
}

TEST(Loss, ByHand) {
  // Equal logits: the loss is log(4), the gradient 1/4, less 1 for the label; the first of equals is the answer.
  for (const std::string_view isa : available_isas()) {
    const LossArgs<float> args{4, 0, 1};
    const Results first = run(kernel_table<float>(isa), args, {2, 2, 2, 2}, {0});
    EXPECT_NEAR(first.loss[0], std::log(4.0), 1e-6) << isa;
    EXPECT_EQ(first.correct[0], 1) << isa;
    EXPECT_NEAR(first.diff[0], -0.75, 1e-6) << isa;
    EXPECT_NEAR(first.diff[3], 0.25, 1e-6) << isa;
    EXPECT_EQ(run(kernel_table<float>(isa), args, {2, 2, 2, 2}, {3}).correct[0], 0) << isa;
    // All smoothed away: the mean over the classes of -log of the probability, whatever the label.
    const Results smooth = run(kernel_table<float>(isa), {4, 1, 1}, {2, 2, 2, 2}, {1});
    EXPECT_NEAR(smooth.loss[0], std::log(4.0), 1e-6) << isa;
    EXPECT_NEAR(smooth.diff[1], 0, 1e-6) << isa;
  }
}

TEST(Loss, NotANumberGoesThrough) {
  for (const std::string_view isa : available_isas())
    for (std::size_t place = 0; place < 3; ++place) {
      std::vector<float> logits{1, 2, 3};
      logits[place] = NAN;
      EXPECT_TRUE(std::isnan(run(kernel_table<float>(isa), {3, 0, 1}, logits, {1}).loss[0])) << isa << " " << place;
    }
}

TEST(LoadBytes, AgreesWithTheDefinition) {
  constexpr std::int64_t kChannels = 3, kPixels = 7;
  const std::vector<float> mean{0, 127.5f, 33.25f}, scale{1.0f / 255, 0.017f, 2};
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    for (std::int64_t valid = 1; valid <= table.lanes; ++valid) {
      std::vector<std::uint8_t> bytes;
      Random random(3, 3);
      for (std::int64_t i = 0; i < valid * kChannels * kPixels; ++i)
        bytes.push_back(static_cast<std::uint8_t>(i < 2 ? 255 * i : static_cast<std::int64_t>(random.below(256))));
      std::vector<float> dst(static_cast<std::size_t>(table.lanes * kChannels * kPixels), NAN);
      table.load_bytes({kChannels, kPixels, mean.data(), scale.data()}, bytes.data(), valid, dst.data());
      for (std::int64_t i = 0; i < kChannels * kPixels; ++i)
        for (std::int64_t l = 0; l < table.lanes; ++l) {
          const auto c = static_cast<std::size_t>(i / kPixels);
          const float got = dst[static_cast<std::size_t>(i * table.lanes + l)];
          if (l >= valid) {
            ASSERT_EQ(got, 0) << isa;
            continue;
          }
          // The same rounding on every ISA: a difference, then a product.
          const float byte = bytes[static_cast<std::size_t>(l * kChannels * kPixels + i)];
          ASSERT_EQ(got, (byte - mean[c]) * scale[c]) << isa << " value " << i << " image " << l;
        }
    }
  }
}

}  // namespace
}  // namespace hone
