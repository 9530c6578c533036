// Convolution kernels of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "engine/base/rng.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/conv_shapes.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

Crew alone;

using test::conv_shape;
using test::pick;

using test::from_lanes;
using test::random_values;
using test::to_lanes;

struct Tensors {
  std::vector<float> src, weights, bias, diff;  // plain NCHW, (K, C/groups, R, S)
};

struct Results {
  std::vector<float> dst, relu, diff_src, diff_weights, diff_bias;
};

// All kernels of `isa` on plain tensors.
Results run(const KernelTable<float>& table, const ConvShape& shape, std::int64_t images, const Tensors& in) {
  const std::int64_t L = table.lanes, blocks = (images + L - 1) / L;
  ConvPlan plan(shape);
  table.conv_prepare(plan);
  std::vector<float> packed(static_cast<std::size_t>(plan.packed)),
      packed_backward(static_cast<std::size_t>(plan.packed_backward));
  table.conv_pack(plan, in.weights.data(), packed.data(), packed_backward.data());
  const auto src = to_lanes(in.src, images, shape.src_size(), L), diff = to_lanes(in.diff, images, shape.dst_size(), L);
  std::vector<float> dst(static_cast<std::size_t>(blocks * L * shape.dst_size()), NAN),
      diff_src(static_cast<std::size_t>(blocks * L * shape.src_size()), NAN);
  Results out;
  out.diff_weights.assign(in.weights.size(), NAN);
  out.diff_bias.assign(in.bias.size(), NAN);
  table.conv_forward(plan, src.data(), in.weights.data(), packed.data(), in.bias.data(), false, dst.data(), blocks,
                     alone);
  out.dst = from_lanes(dst, images, shape.dst_size(), L);
  table.conv_forward(plan, src.data(), in.weights.data(), packed.data(), nullptr, true, dst.data(), blocks, alone);
  out.relu = from_lanes(dst, images, shape.dst_size(), L);
  table.conv_backward_data(plan, diff.data(), in.weights.data(), packed_backward.data(), diff_src.data(), blocks,
                           alone);
  out.diff_src = from_lanes(diff_src, images, shape.src_size(), L);
  std::vector<float> scratch(static_cast<std::size_t>(plan.weights_scratch));
  // In two pieces, as tasks would.
  const std::int64_t tile = shape.groups == 1 ? plan.weight_tile : shape.group_k();
  const std::int64_t cut = std::min(shape.k, (shape.k / 2 + tile - 1) / tile * tile);
  table.conv_backward_weights(plan, src.data(), diff.data(), out.diff_weights.data(), out.diff_bias.data(), blocks, 0,
                              cut, scratch.data(), alone);
  table.conv_backward_weights(plan, src.data(), diff.data(), out.diff_weights.data(), out.diff_bias.data(), blocks, cut,
                              shape.k, scratch.data(), alone);
  return out;
}

Results reference(const ConvShape& shape, std::int64_t images, const Tensors& in) {
  const KernelTable<double>& table = kernel_table<double>();
  const auto wide = [](const std::vector<float>& values) { return std::vector<double>(values.begin(), values.end()); };
  const auto narrow = [](const std::vector<double>& values) {
    std::vector<float> out;
    for (const double value : values) out.push_back(static_cast<float>(value));
    return out;
  };
  const auto src = wide(in.src), weights = wide(in.weights), diff = wide(in.diff);
  const std::vector<float>& bias = in.bias;
  ConvPlan plan(shape);
  table.conv_prepare(plan);
  std::vector<double> dst(diff.size()), diff_src(src.size()), diff_weights(weights.size()), diff_bias(bias.size());
  Results out;
  table.conv_forward(plan, src.data(), weights.data(), nullptr, nullptr, false, dst.data(), images, alone);
  const auto plane = static_cast<std::size_t>(shape.out_h * shape.out_w);
  for (std::size_t i = 0; i < dst.size(); ++i) {
    out.relu.push_back(static_cast<float>(std::max(dst[i], 0.0)));
    out.dst.push_back(static_cast<float>(dst[i] + bias[i / plane % bias.size()]));
  }
  table.conv_backward_data(plan, diff.data(), weights.data(), nullptr, diff_src.data(), images, alone);
  out.diff_src = narrow(diff_src);
  table.conv_backward_weights(plan, src.data(), diff.data(), diff_weights.data(), diff_bias.data(), images, 0, shape.k,
                              nullptr, alone);
  out.diff_weights = narrow(diff_weights);
  out.diff_bias = narrow(diff_bias);
  return out;
}

void check(const ConvShape& shape, std::int64_t images, const std::vector<std::string_view>& isas) {
  SCOPED_TRACE(testing::Message() << "N " << images << " C " << shape.c << " HxW " << shape.h << "x" << shape.w << " K "
                                  << shape.k << " RxS " << shape.r << "x" << shape.s << " stride " << shape.stride_h
                                  << "," << shape.stride_w << " pad " << shape.pad_h << "," << shape.pad_w
                                  << " dilation " << shape.dilation_h << "," << shape.dilation_w << " groups "
                                  << shape.groups);
  const Tensors in{random_values(images * shape.src_size(), 1), random_values(shape.weights(), 2),
                   random_values(shape.k, 3), random_values(images * shape.dst_size(), 4)};
  const Results expected = reference(shape, images, in);
  for (const std::string_view isa : isas) {
    SCOPED_TRACE(isa);
    const Results got = run(kernel_table<float>(isa), shape, images, in);
    test::expect_close(got.dst, expected.dst, 1e-5, "forward");
    test::expect_close(got.relu, expected.relu, 1e-5, "forward with relu");
    test::expect_close(got.diff_src, expected.diff_src, 1e-5, "backward data");
    test::expect_close(got.diff_weights, expected.diff_weights, 1e-5, "backward weights");
    test::expect_close(got.diff_bias, expected.diff_bias, 1e-5, "backward bias");
  }
}

TEST(Conv, NamedShapes) {
  auto isas = available_isas();
  std::erase(isas, "reference");  // slow, and the same for every shape
  const auto check = [&](const ConvShape& shape, std::int64_t images) { hone::check(shape, images, isas); };
  check(conv_shape(1, 28, 28, 20, 5, 5), 16);      // LeNet's first layer
  check(conv_shape(20, 12, 12, 50, 5, 5), 3);      // and its second
  check(conv_shape(3, 9, 9, 16, 3, 3, 1, 1), 17);  // one image beyond a block
  check(conv_shape(16, 8, 8, 16, 3, 3, 1, 1), 5);
  // The last pixel of a row alone, and without its last tap.
  for (const std::int64_t k : {8, 10, 12, 15, 20})
    for (const std::int64_t w : {3, 5}) check(conv_shape(4, 7, w, k, 3, 3, 1, 1), 3);
  check(conv_shape(8, 7, 7, 12, 1, 1), 2);
  check(conv_shape(8, 9, 7, 8, 3, 3, 2, 1), 4);     // strided
  check(conv_shape(8, 6, 6, 8, 3, 3, 1, 1, 8), 4);  // depthwise
  check(conv_shape(5, 9, 28, 5, 3, 3, 1, 1, 5), 17);
  check(conv_shape(3, 11, 19, 3, 5, 5, 1, 2, 3), 4);
  check(conv_shape(3, 8, 21, 3, 3, 3, 2, 1, 3), 4);
  check(conv_shape(3, 10, 20, 3, 2, 4, 1, 0, 3), 4);
  check(conv_shape(6, 6, 6, 4, 3, 3, 1, 1, 2), 4);  // groups
  check(conv_shape(2, 5, 5, 3, 1, 1, 3), 2);        // stride beyond the kernel
  check(conv_shape(130, 4, 4, 70, 3, 3, 1, 1), 2);  // weights beyond the first cache
  // Planes a power of two apart: input channels in several parts, forward and backward.
  check(conv_shape(40, 32, 32, 3, 3, 3, 1, 1), 2);
  check(conv_shape(3, 32, 32, 40, 3, 3, 1, 1), 2);
  check(conv_shape(90, 16, 16, 90, 1, 1), 2);
  check(conv_shape(40, 16, 16, 30, 3, 3, 1, 1), 2);
  check(conv_shape(40, 16, 16, 30, 5, 5, 2, 2), 2);
  check(conv_shape(130, 4, 4, 130, 3, 3, 1, 1), 2);  // output channels in several parts
  // Sums of few terms: planes a power of two apart; a row, or a band of rows, that is too large for the second cache.
  check(conv_shape(7, 32, 32, 14, 3, 3, 1, 1), 2);
  check(conv_shape(7, 12, 150, 14, 3, 3, 1, 1), 2);
  check(conv_shape(7, 49, 49, 14, 3, 3, 2, 1), 2);
  check(conv_shape(32, 24, 24, 14, 3, 3, 2, 1), 2);
  check(conv_shape(16, 40, 40, 14, 1, 1), 2);
  check(conv_shape(7, 71, 71, 20, 3, 3, 1, 1), 2);  // an image beyond the second cache is copied
  check(conv_shape(7, 71, 71, 20, 3, 3, 2, 1), 2);
  check(conv_shape(1, 1, 1, 1, 1, 1), 1);
  check(conv_shape(7, 9, 11, 7, 1, 1, 1, 0, 7), 17);  // depthwise 1x1
  check(conv_shape(7, 9, 11, 7, 1, 1, 2, 1, 7), 3);   // and strided
  check(conv_shape(64, 19, 19, 40, 1, 1, 2, 0), 5);   // a 1x1 that skips pixels
  check(conv_shape(80, 9, 37, 80, 3, 3, 2, 1), 3);    // several panels of channels, several parts of a row
  check(conv_shape(24, 9, 9, 16, 3, 3, 2, 1, 2), 3);  // in groups
  // So large that threads share groups, and parts go beyond the end of one.
  check(conv_shape(36, 20, 20, 36, 3, 3, 1, 1, 3), 2);
  check(conv_shape(104, 19, 18, 104, 3, 3, 1, 1, 104), 2);
}

// Rows of few taps: a tile's last pixels, whole rows of one tile, and those between; enough channels for a list of
// rows.
TEST(Conv, RowsOfTaps) {
  auto isas = available_isas();
  std::erase(isas, "reference");
  const std::int64_t step = 10 / test::random_shapes(10);
  for (const std::int64_t s : {2, 3, 4, 5, 7})
    for (std::int64_t w = s; w < s + 10; w += step)
      for (const std::int64_t k : {5, 8, 9}) check(conv_shape(13, 5, w, k, 3, s), 2, isas);
  for (std::int64_t w = 2; w < 12; w += step)
    for (const std::int64_t k : {5, 8, 9}) {
      check(conv_shape(13, 4, w, k, 3, 3, 1, 1), 2, isas);
      check(conv_shape(13, 5, w + 1, k, 3, 3, 2, 1), 2, isas);
      check(conv_shape(1, 7, w + 3, k, 5, 5), 2, isas);  // few of them
    }
  for (const std::int64_t c : {33, 34, 35, 48}) check(conv_shape(c, 5, 5, 16, 1, 1), 2, isas);
}

TEST(Conv, RandomShapes) {
  constexpr std::uint64_t kSeed = 20;
  Random random(derive_key(kSeed, "conv shapes"), 0);
  for (int left = test::random_shapes(200); left > 0; --left) {
    ConvShape shape = test::random_window(random, 20);
    shape.groups = random.below(4) == 0 ? pick(random, 1, 4) : 1;
    shape.c = shape.groups * pick(random, 1, 11);
    shape.k = shape.groups * pick(random, 1, 13);
    check(shape, pick(random, 1, 20), available_isas());
  }
}

// Few uses of each pixel and many channels: gradients of the weights from transposed rows.
TEST(Conv, RandomShapesOfManyChannels) {
  constexpr std::uint64_t kSeed = 21;
  Random random(derive_key(kSeed, "conv shapes"), 0);
  for (int left = test::random_shapes(25); left > 0; --left) {
    ConvShape shape = test::random_window(random, 30);
    if (random.below(2) == 0) {
      shape.r = shape.s = 1;
      shape.out_h = (shape.h + 2 * shape.pad_h - 1) / shape.stride_h + 1;
      shape.out_w = (shape.w + 2 * shape.pad_w - 1) / shape.stride_w + 1;
    }
    shape.groups = random.below(4) == 0 ? 2 : 1;
    shape.c = shape.groups * pick(random, 12, 40);
    shape.k = shape.groups * pick(random, 8, 40);
    check(shape, pick(random, 1, 3), available_isas());
  }
}

}  // namespace
}  // namespace hone
