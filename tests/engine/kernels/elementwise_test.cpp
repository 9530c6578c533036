// Activations, sums and dropout of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/kernels/dispatch.hpp"
#include "engine/kernels/ref/elementwise.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::random_values;

constexpr Activation kAll[] = {Activation::none, Activation::relu,    Activation::leaky_relu, Activation::relu6,
                               Activation::elu,  Activation::gelu,    Activation::silu,       Activation::sigmoid,
                               Activation::tanh, Activation::softplus};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A whole number of vectors of every ISA: dense around 0, out to where exp() leaves float.
std::vector<float> inputs() {
  std::vector<float> values{0.0f, -0.0f, 80, -80, 6, -6, 1e-20f, -1e-20f, 5.9999995f, 6.0000005f, 88, -88, 120, -120};
  for (int i = -400; i <= 400; ++i) values.push_back(static_cast<float>(i) * 0.05f);
  const auto random = random_values(1000, 1);
  values.insert(values.end(), random.begin(), random.end());
  values.resize((values.size() + 15) / 16 * 16, 0.5f);
  return values;
}

class Activations : public testing::TestWithParam<Activation> {};

TEST_P(Activations, ForwardAgreesWithTheDefinition) {
  const auto x = inputs();
  for (const std::string_view isa : available_isas()) {
    std::vector<float> y(x.size(), NAN);
    kernel_table<float>(isa).activation_forward(GetParam(), x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = ref::activate<double>(GetParam(), x[i]);
      ASSERT_NEAR(y[i], expected, 1e-6 * std::max(0.5, std::abs(expected))) << isa << " x " << x[i];
    }
  }
}

TEST_P(Activations, BackwardAgreesWithTheDefinition) {
  const auto x = inputs(), diff = random_values(static_cast<std::int64_t>(x.size()), 2);
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    const auto count = static_cast<std::int64_t>(x.size());
    std::vector<float> y(x.size()), got(x.size(), NAN);
    table.activation_forward(GetParam(), x.data(), y.data(), count);
    const bool input = needs_input(GetParam());
    table.activation_backward(GetParam(), input ? x.data() : nullptr, input ? nullptr : y.data(), diff.data(),
                              got.data(), count);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = diff[i] * ref::derivative<double>(GetParam(), x[i], y[i]);
      ASSERT_NEAR(got[i], expected, 2e-6) << isa << " x " << x[i];
    }
  }
}

// Central differences: independent of how the derivative is written.
TEST_P(Activations, DerivativeIsTheSlope) {
  for (double x = -7.97; x < 8; x += 0.0512) {
    constexpr double kStep = 1e-5;
    const double slope = (ref::activate(GetParam(), x + kStep) - ref::activate(GetParam(), x - kStep)) / (2 * kStep);
    EXPECT_NEAR(ref::derivative(GetParam(), x, ref::activate(GetParam(), x)), slope, 1e-8) << x;
  }
}

TEST_P(Activations, NotANumberGoesThrough) {
  const std::vector<float> x(16, NAN);
  for (const std::string_view isa : available_isas()) {
    std::vector<float> y(16);
    kernel_table<float>(isa).activation_forward(GetParam(), x.data(), y.data(), 16);
    for (const float value : y) EXPECT_TRUE(std::isnan(value)) << isa;
  }
}

TEST_P(Activations, LimitsAtInfinity) {
  std::vector<float> x(16, kInfinity);
  for (std::size_t i = 0; i < 8; ++i) x[2 * i] = 1e30f;
  for (const std::string_view isa : available_isas()) {
    std::vector<float> y(16);
    kernel_table<float>(isa).activation_forward(GetParam(), x.data(), y.data(), 16);
    for (std::size_t i = 0; i < 16; ++i)
      EXPECT_EQ(y[i], static_cast<float>(ref::activate<double>(GetParam(), x[i]))) << isa << " x " << x[i];
  }
}

std::string name_of(const testing::TestParamInfo<Activation>& tested) {
  constexpr const char* kNames[] = {"none", "relu", "leaky_relu", "relu6", "elu",
                                    "gelu", "silu", "sigmoid",    "tanh",  "softplus"};
  return kNames[static_cast<std::size_t>(tested.param)];
}
INSTANTIATE_TEST_SUITE_P(Elementwise, Activations, testing::ValuesIn(kAll), name_of);

TEST(Elementwise, Add) {
  const auto a = random_values(112, 1), b = random_values(112, 2);
  for (const std::string_view isa : available_isas()) {
    std::vector<float> sum(112, NAN);
    kernel_table<float>(isa).add(a.data(), b.data(), sum.data(), 112);
    for (std::size_t i = 0; i < sum.size(); ++i) ASSERT_EQ(sum[i], a[i] + b[i]) << isa;
  }
}

// The hash is part of what a checkpoint means: every ISA drops the same values.
TEST(Dropout, IsBitwiseTheReference) {
  constexpr std::int64_t kValues = 777;
  for (const double rate : {0.0, 0.1, 0.25, 0.5, 0.9, 0.99})
    for (const std::string_view isa : available_isas()) {
      SCOPED_TRACE(testing::Message() << isa << " rate " << rate);
      const KernelTable<float>& table = kernel_table<float>(isa);
      const std::int64_t L = table.lanes;
      const DropoutArgs args{static_cast<std::uint32_t>(rate * 4294967296.0), 1 / (1 - rate)};
      std::vector<std::uint32_t> keys;
      Random random(9, 9);
      for (std::int64_t l = 0; l < 2 * L; ++l) keys.push_back(random.next_u32());
      const auto src = random_values(kValues * L, 3);
      std::vector<float> dst(src.size(), NAN);
      table.dropout(args, src.data(), keys.data(), dst.data(), kValues);
      std::int64_t kept = 0;
      for (std::int64_t i = 0; i < kValues; ++i)
        for (std::int64_t l = 0; l < L; ++l) {
          const auto lane = static_cast<std::size_t>(2 * l), at = static_cast<std::size_t>(i * L + l);
          const bool stays =
              ref::dropout_bits(keys[lane], keys[lane + 1], static_cast<std::uint32_t>(i)) >= args.threshold;
          ASSERT_EQ(dst[at], stays ? src[at] * static_cast<float>(args.scale) : 0.0f) << i << " " << l;
          kept += stays ? 1 : 0;
        }
      const auto all = static_cast<double>(kValues * L);
      EXPECT_NEAR(static_cast<double>(kept) / all, 1 - rate, 4 * std::sqrt(rate * (1 - rate) / all));
    }
}

// Bits of MurmurHash3's finaliser, worked out apart from the code: fmix32 of a known input.
TEST(Dropout, FinaliserIsMurmur3s) {
  // With key0 = x and i = 0 the first round is fmix32(x); key1 = 0 makes the second fmix32 of that.
  const auto fmix32 = [](std::uint32_t h) {
    h ^= h >> 16;
    h *= 0x85ebca6b;
    h ^= h >> 13;
    h *= 0xc2b2ae35;
    h ^= h >> 16;
    return h;
  };
  EXPECT_EQ(fmix32(1), 0x514E28B7u);  // as published with the hash
  EXPECT_EQ(ref::dropout_bits(1, 0, 0), fmix32(0x514E28B7u));
}

}  // namespace
}  // namespace hone
