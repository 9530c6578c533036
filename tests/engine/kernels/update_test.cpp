// Flat passes over parameters of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::narrow;
using test::random_values;
using test::widen;

// Every tail of a vector; then some beyond.
constexpr std::int64_t kCounts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000};
constexpr float kUntouched = 123.0f;  // what stands behind the last value

std::vector<float> guarded(std::int64_t count, std::uint64_t seed) {
  auto values = random_values(count, seed);
  values.push_back(kUntouched);
  return values;
}

TEST(Update, SumPartials) {
  for (const std::string_view isa : available_isas())
    for (const std::int64_t count : kCounts)
      for (const std::int64_t partials : {1, 2, 16}) {
        SCOPED_TRACE(testing::Message() << isa << " count " << count << " partials " << partials);
        const std::int64_t stride = count + 3;
        const auto src = random_values(stride * partials, 1);
        auto dst = guarded(count, 2);
        kernel_table<float>(isa).sum_partials(src.data(), stride, partials, dst.data(), count);
        for (std::int64_t i = 0; i < count; ++i) {
          float sum = 0;  // in this order, on every ISA and however slices are cut
          for (std::int64_t p = 0; p < partials; ++p) sum += src[static_cast<std::size_t>(p * stride + i)];
          ASSERT_EQ(dst[static_cast<std::size_t>(i)], sum);
        }
        EXPECT_EQ(dst.back(), kUntouched);
      }
}

TEST(Update, SumOfSquares) {
  for (const std::string_view isa : available_isas())
    for (const std::int64_t count : kCounts) {
      const auto src = random_values(count, 1);
      double sum = 0;
      for (const float value : src) sum += static_cast<double>(value) * value;
      EXPECT_NEAR(kernel_table<float>(isa).sum_of_squares(src.data(), count), sum, 1e-12 * sum) << isa << " " << count;
    }
}

struct Sgd {
  double momentum, weight_decay;
  bool nesterov;
};

TEST(Update, SgdOverSteps) {
  for (const Sgd& how :
       {Sgd{0, 0, false}, Sgd{0, 0.1, false}, Sgd{0.9, 0, false}, Sgd{0.9, 0.1, false}, Sgd{0.9, 0.1, true}})
    for (const std::string_view isa : available_isas())
      for (const std::int64_t count : kCounts) {
        SCOPED_TRACE(testing::Message() << isa << " count " << count << " momentum " << how.momentum << " decay "
                                        << how.weight_decay << (how.nesterov ? " nesterov" : ""));
        auto weights = guarded(count, 1), velocity = guarded(count, 2), gradient = guarded(count, 3);
        velocity.assign(velocity.size(), 0.0f);
        velocity.back() = kUntouched;
        const auto gradient_before = gradient;
        // PyTorch's formulas, in double.
        auto w = widen(weights), v = widen(velocity);
        for (int step = 0; step < 3; ++step) {
          kernel_table<float>(isa).sgd(
              {0.1f, static_cast<float>(how.momentum), static_cast<float>(how.weight_decay), how.nesterov},
              weights.data(), gradient.data(), 0.5f, how.momentum > 0 ? velocity.data() : nullptr, count);
          for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            const double d = 0.5 * gradient[i] + how.weight_decay * w[i];
            v[i] = how.momentum > 0 ? how.momentum * v[i] + d : 0;
            w[i] -= 0.1 * (how.momentum == 0 ? d : how.nesterov ? d + how.momentum * v[i] : v[i]);
          }
        }
        test::expect_close(weights, narrow(w), 1e-6 / kUntouched, "weights");
        test::expect_close(velocity, narrow(v), 2e-6 / kUntouched, "velocity");
        EXPECT_EQ(weights.back(), kUntouched);
        EXPECT_TRUE(test::same_bits(gradient, gradient_before));
      }
}

TEST(Update, AdamOverSteps) {
  for (const bool decoupled : {false, true})
    for (const std::string_view isa : available_isas())
      for (const std::int64_t count : kCounts) {
        SCOPED_TRACE(testing::Message() << isa << " count " << count << (decoupled ? " decoupled" : " coupled"));
        auto weights = guarded(count, 1), first = guarded(count, 2), second = guarded(count, 3);
        first.assign(first.size(), 0.0f);
        second.assign(second.size(), 0.0f);
        first.back() = second.back() = kUntouched;
        const auto gradient = guarded(count, 4);
        auto w = widen(weights), m = widen(first), v = widen(second);
        constexpr double kRate = 0.01, kDecay = 0.1, kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
        for (int step = 1; step <= 4; ++step) {
          const double correction1 = 1 / (1 - std::pow(kBeta1, step)), correction2 = 1 / (1 - std::pow(kBeta2, step));
          AdamArgs<float> args{};
          args.learning_rate = static_cast<float>(kRate);
          args.beta1 = static_cast<float>(kBeta1);
          args.beta2 = static_cast<float>(kBeta2);
          args.eps = static_cast<float>(kEps);
          args.coupled_decay = static_cast<float>(decoupled ? 0 : kDecay);
          args.decoupled_decay = static_cast<float>(decoupled ? kRate * kDecay : 0);
          args.correction1 = static_cast<float>(correction1);
          args.correction2 = static_cast<float>(correction2);
          kernel_table<float>(isa).adam(args, weights.data(), gradient.data(), 2.0f, first.data(), second.data(),
                                        count);
          for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            const double g = 2.0 * gradient[i] + (decoupled ? 0 : kDecay * w[i]);
            m[i] = kBeta1 * m[i] + (1 - kBeta1) * g;
            v[i] = kBeta2 * v[i] + (1 - kBeta2) * g * g;
            if (decoupled) w[i] *= 1 - kRate * kDecay;
            w[i] -= kRate * (m[i] * correction1) / (std::sqrt(v[i] * correction2) + kEps);
          }
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
          ASSERT_NEAR(weights[i], w[i], 2e-6);
          ASSERT_NEAR(first[i], m[i], 1e-6);
          // 1 - 0.999f is not 0.001 by 1e-5 of it.
          ASSERT_NEAR(second[i], v[i], 5e-5 * v[i] + 1e-12);
        }
        EXPECT_EQ(weights.back(), kUntouched);
        EXPECT_EQ(second.back(), kUntouched);
      }
}

}  // namespace
}  // namespace hone
