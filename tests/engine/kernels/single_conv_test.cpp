// Convolutions of a few images, by kernels of every ISA of this machine, against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/rng.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/conv_shapes.hpp"
#include "tests/support/single.hpp"

namespace hone {
namespace {

Crew alone;

using test::expect_close;
using test::narrow;
using test::Output;
using test::pick;
using test::random_values;

constexpr std::int64_t kImages = test::kFewImages;

testing::Message describe(const ConvShape& shape) {
  return testing::Message() << "C " << shape.c << " HxW " << shape.h << "x" << shape.w << " K " << shape.k << " RxS "
                            << shape.r << "x" << shape.s << " stride " << shape.stride_h << "," << shape.stride_w
                            << " pad " << shape.pad_h << "," << shape.pad_w << " dilation " << shape.dilation_h << ","
                            << shape.dilation_w << " groups " << shape.groups;
}

void check_conv(const ConvShape& shape) {
  SCOPED_TRACE(describe(shape));
  const auto src = random_values(kImages * shape.src_size(), 1), weights = random_values(shape.weights(), 2),
             bias = random_values(shape.k, 3);
  const auto expected = [&](bool with_bias, bool relu) {
    std::vector<double> dst(static_cast<std::size_t>(kImages * shape.dst_size()));
    ConvPlan plan(shape);
    kernel_table<double>().conv_forward(plan, test::widen(src).data(), test::widen(weights).data(), nullptr,
                                        with_bias ? test::widen(bias).data() : nullptr, relu, dst.data(), kImages,
                                        alone);
    return narrow(dst);
  };
  const auto plain = expected(true, false), relu = expected(false, true);
  test::for_each_single_table([&](const KernelTable<float>& table) {
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    Output packed(plan.packed), dst(kImages * shape.dst_size());
    table.conv_pack(plan, weights.data(), packed.data(), nullptr);
    packed.get();
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), bias.data(), false, dst.data(), kImages, alone);
    expect_close(dst.get(), plain, 1e-5, "forward");
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), nullptr, true, dst.data(), kImages, alone);
    expect_close(dst.get(), relu, 1e-5, "forward with relu");
  });
}

void check_conv_backward(const ConvShape& shape) {
  SCOPED_TRACE(describe(shape));
  const auto src = random_values(kImages * shape.src_size(), 1), weights = random_values(shape.weights(), 2),
             diff = random_values(kImages * shape.dst_size(), 3);
  std::vector<double> diff_src(src.size()), diff_weights(weights.size()), diff_bias(static_cast<std::size_t>(shape.k));
  const ConvPlan reference(shape);
  const KernelTable<double>& exact = kernel_table<double>();
  exact.conv_backward_data(reference, test::widen(diff).data(), test::widen(weights).data(), nullptr, diff_src.data(),
                           kImages, alone);
  exact.conv_backward_weights(reference, test::widen(src).data(), test::widen(diff).data(), diff_weights.data(),
                              diff_bias.data(), kImages, 0, shape.k, nullptr, alone);
  test::for_each_single_table([&](const KernelTable<float>& table) {
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    Output packed(plan.packed_backward), to_src(kImages * shape.src_size());
    table.conv_pack(plan, weights.data(), nullptr, packed.data());
    packed.get();
    // In two pieces, as tasks would.
    for (const ConvPlan& part :
         {plan.only_backward_rows(0, shape.h / 3), plan.only_backward_rows(shape.h / 3, shape.h)})
      table.conv_backward_data(part, diff.data(), weights.data(), packed.data(), to_src.data(), kImages, alone);
    expect_close(to_src.get(), narrow(diff_src), 1e-5, "gradient of the input");

    const std::int64_t tile = shape.groups == 1 ? plan.weight_tile : shape.group_k();
    const std::int64_t middle = std::min(shape.k, shape.k / tile / 2 * tile);
    Output to_weights(shape.weights()), to_bias(shape.k), scratch(plan.weights_scratch);
    const auto run = [&](std::int64_t begin, std::int64_t end, float* bias) {
      table.conv_backward_weights(plan, src.data(), diff.data(), to_weights.data(), bias, kImages, begin, end,
                                  scratch.data(), alone);
    };
    run(0, middle, to_bias.data());
    run(middle, shape.k, to_bias.data());
    scratch.get();
    expect_close(to_weights.get(), narrow(diff_weights), 1e-5, "gradient of the weights");
    expect_close(to_bias.get(), narrow(diff_bias), 1e-5, "gradient of the bias");
    run(0, shape.k, nullptr);
    expect_close(to_weights.get(), narrow(diff_weights), 1e-5, "gradient of the weights in one piece");
  });
}

ConvShape make(std::int64_t c, std::int64_t h, std::int64_t w, std::int64_t k, std::int64_t kernel,
               std::int64_t stride = 1, std::int64_t pad = 0, std::int64_t groups = 1) {
  return test::conv_shape(c, h, w, k, kernel, kernel, stride, pad, groups);
}

const std::vector<ConvShape>& named_shapes() {
  static const std::vector<ConvShape> shapes{
      make(1, 28, 28, 20, 5),           // LeNet's first layer
      make(20, 12, 12, 50, 5),          // and its second
      make(64, 8, 8, 64, 3, 1, 1),      // edges along rows and along columns
      make(3, 40, 40, 16, 3, 2, 1),     // strided
      make(16, 5, 33, 24, 3, 1, 1),     // half a vector left over, where the ISA has it
      make(32, 30, 3, 48, 3, 1, 1),     // narrower than high
      make(8, 7, 7, 130, 1),            // many tiles of channels
      make(6, 6, 6, 34, 3, 1, 1, 2),    // groups
      make(48, 9, 9, 96, 3, 1, 1, 2),   // that fill vectors
      make(40, 13, 11, 30, 1, 2),       // a projection
      make(33, 40, 44, 13, 3, 1, 1),    // several bands of rows
      make(17, 3, 2, 26, 3, 1, 1),      // planes smaller than a vector
      make(8, 20, 37, 8, 3, 1, 1, 8),   // depthwise
      make(8, 20, 37, 16, 5, 1, 2, 8),  // with two outputs an input
      make(8, 19, 37, 8, 3, 2, 1, 8),   // strided
      make(2, 70, 66, 7, 7, 2, 3),      // several bands of pixels
      make(40, 20, 19, 30, 3, 1, 1),    // several ranges of input channels, more tiles than wait at a time
      make(28, 12, 11, 300, 1, 2),      // such ranges backward, where outputs have no tap at all
      make(72, 64, 60, 24, 1),          // beyond the second cache
      make(1, 1, 1, 1, 1)};
  return shapes;
}

std::vector<ConvShape> shapes_at_random(std::uint64_t seed) {
  Random random(derive_key(seed, "single conv shapes"), 0);
  const auto channels = [&](std::uint64_t low, std::uint64_t high, std::uint64_t few) {
    return random.below(4) == 0 ? pick(random, low, high) : pick(random, 1, few);
  };
  std::vector<ConvShape> shapes;
  for (int left = test::random_shapes(250); left > 0; --left) {
    ConvShape shape = test::random_window(random, 36);
    shape.groups = random.below(3) == 0 ? pick(random, 1, 4) : 1;
    shape.c = shape.groups * channels(14, 40, 7);
    shape.k = shape.groups * channels(20, 70, 20);
    shapes.push_back(shape);
  }
  return shapes;
}

TEST(SingleConv, NamedShapes) {
  for (const ConvShape& shape : named_shapes()) check_conv(shape);
}

TEST(SingleConv, RandomShapes) {
  for (const ConvShape& shape : shapes_at_random(21)) check_conv(shape);
}

TEST(SingleConv, BackwardNamedShapes) {
  for (const ConvShape& shape : named_shapes()) check_conv_backward(shape);
}

TEST(SingleConv, BackwardRandomShapes) {
  for (const ConvShape& shape : shapes_at_random(22)) check_conv_backward(shape);
}

TEST(SingleConv, NotANumberGoesThrough) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  test::for_each_single_table([&](const KernelTable<float>& table) {
    const ConvShape shape = make(1, 4, 40, 20, 1);
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    const auto weights = random_values(20, 1);
    std::vector<float> packed(static_cast<std::size_t>(plan.packed)), src(160, nan), dst(3200, 0.0f);
    table.conv_pack(plan, weights.data(), packed.data(), nullptr);
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), nullptr, true, dst.data(), 1, alone);
    for (const float value : dst) EXPECT_TRUE(std::isnan(value));
  });
}

}  // namespace
}  // namespace hone
