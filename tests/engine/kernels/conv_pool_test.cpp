// The joint backward pass of convolution and max_pool on every ISA of this machine, against the definitions of the two
// one after the other, evaluated in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/rng.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/conv_shapes.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

Crew alone;

using test::from_lanes;
using test::narrow;
using test::random_values;
using test::to_lanes;
using test::widen;

struct Tensors {
  std::vector<float> src, weights, argmax, dst, diff;  // plain; argmax, dst, diff: of the pool
};

struct Results {
  std::vector<float> diff_weights, diff_bias, diff_src;
};

template <class T>
std::vector<T> as(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// What pool and convolution do on their own.
Results reference(const ConvPoolPlan& plan, std::int64_t images, const Tensors& in, bool relu) {
  const KernelTable<double>& table = kernel_table<double>();
  ConvPlan conv(plan.conv);
  table.conv_prepare(conv);
  std::vector<double> diff = widen(in.diff);
  for (std::size_t i = 0; relu && i < diff.size(); ++i)
    if (in.dst[i] <= 0) diff[i] = 0;
  const std::vector<double> src = widen(in.src), weights = widen(in.weights), argmax = widen(in.argmax);
  std::vector<double> between(static_cast<std::size_t>(images * plan.conv.dst_size()), NAN),
      diff_weights(weights.size()), diff_bias(static_cast<std::size_t>(plan.conv.k)), diff_src(src.size());
  table.max_pool_backward(plan.pool, diff.data(), argmax.data(), between.data(), images);
  table.conv_backward_weights(conv, src.data(), between.data(), diff_weights.data(), diff_bias.data(), images, 0,
                              plan.conv.k, nullptr, alone);
  table.conv_backward_data(conv, between.data(), weights.data(), nullptr, diff_src.data(), images, alone);
  return {narrow(diff_weights), narrow(diff_bias), narrow(diff_src)};
}

template <class T>
Results run(const KernelTable<T>& table, ConvPoolPlan plan, std::int64_t images, const Tensors& in, bool relu) {
  const std::int64_t L = table.lanes, blocks = (images + L - 1) / L;
  table.conv_pool_prepare(plan);
  const auto lanes = [&](const std::vector<float>& plain, std::int64_t size) {
    return as<T>(to_lanes(plain, images, size, L));
  };
  const auto weights = as<T>(in.weights);
  const auto src = lanes(in.src, plan.conv.src_size()), argmax = lanes(in.argmax, plan.pool.dst_size()),
             dst = lanes(in.dst, plan.pool.dst_size()), diff = lanes(in.diff, plan.pool.dst_size());
  std::vector<T> packed(static_cast<std::size_t>(plan.packed), T(NAN)),
      scratch(static_cast<std::size_t>(plan.scratch), T(NAN)), diff_weights(weights.size(), T(NAN)),
      diff_bias(static_cast<std::size_t>(plan.conv.k), T(NAN)), diff_src(src.size(), T(NAN));
  if (plan.packed > 0) table.conv_pool_pack(plan, weights.data(), packed.data());
  ConvPoolArgs<T> args;
  args.src = src.data();
  args.weights = weights.data();
  args.packed = packed.data();
  args.argmax = argmax.data();
  args.dst = relu ? dst.data() : nullptr;
  args.diff_dst = diff.data();
  args.diff_weights = diff_weights.data();
  args.diff_bias = diff_bias.data();
  args.diff_src = plan.backward_data ? diff_src.data() : nullptr;
  args.scratch = scratch.data();
  table.conv_pool_backward(plan, args, blocks, alone);
  for (std::int64_t i = 0, n = plan.conv.src_size(); plan.backward_data && i < blocks * n * L; ++i)
    if (i / (n * L) * L + i % L >= images) {
      EXPECT_EQ(diff_src[static_cast<std::size_t>(i)], 0) << "a lane without image";
    }

  // Neither without bias nor, in the second run, with what is left in the scratch memory does anything change.
  const std::vector<T> again = diff_weights;
  args.diff_bias = nullptr;
  table.conv_pool_backward(plan, args, blocks, alone);
  EXPECT_TRUE(test::same_bits(again, diff_weights));

  Results out;
  out.diff_weights.assign(diff_weights.begin(), diff_weights.end());
  out.diff_bias.assign(diff_bias.begin(), diff_bias.end());
  out.diff_src = from_lanes(std::vector<float>(diff_src.begin(), diff_src.end()), images, plan.conv.src_size(), L);
  return out;
}

template <class T>
void check(const KernelTable<T>& table, const ConvPoolPlan& plan, std::int64_t images, const Tensors& in, bool relu,
           const Results& expected) {
  SCOPED_TRACE(testing::Message() << table.name << (relu ? " relu" : ""));
  const Results got = run(table, plan, images, in, relu);
  test::expect_close(got.diff_weights, expected.diff_weights, 1e-5, "weights");
  test::expect_close(got.diff_bias, expected.diff_bias, 1e-5, "bias");
  if (plan.backward_data) test::expect_close(got.diff_src, expected.diff_src, 1e-5, "data");
}

void check(const ConvPoolPlan& plan, std::int64_t images) {
  const ConvShape& c = plan.conv;
  const PoolShape& p = plan.pool;
  SCOPED_TRACE(testing::Message() << "N " << images << " C " << c.c << " HxW " << c.h << "x" << c.w << " K " << c.k
                                  << " RxS " << c.r << "x" << c.s << " pad " << c.pad_h << "," << c.pad_w << " out "
                                  << c.out_h << "x" << c.out_w << " pool " << p.size_h << "x" << p.size_w
                                  << (plan.backward_data ? " with data" : ""));
  ASSERT_TRUE(plan.possible());
  Tensors in{random_values(images * c.src_size(), 1),
             random_values(c.weights(), 2),
             {},
             random_values(images * p.dst_size(), 4),
             random_values(images * p.dst_size(), 5)};
  Random random(derive_key(6, "winners"), 0);
  for (std::int64_t i = 0; i < images * p.dst_size(); ++i)
    in.argmax.push_back(static_cast<float>(random.below(static_cast<std::uint64_t>(p.size_h * p.size_w))));
  for (const bool relu : {false, true}) {
    const Results expected = reference(plan, images, in, relu);
    check(kernel_table<double>(), plan, images, in, relu, expected);
    for (const std::string_view isa : available_isas())
      check(kernel_table<float>(isa), plan, images, in, relu, expected);
  }
}

using Sizes = std::array<std::int64_t, 2>;  // rows, columns

// pad: all that is added to an axis, the smaller half of it before.
ConvPoolPlan make(std::int64_t c, Sizes in, std::int64_t k, Sizes kernel, Sizes pad, Sizes pool, bool backward_data) {
  ConvPoolPlan plan;
  ConvShape& conv = plan.conv;
  conv.c = c;
  conv.h = in[0];
  conv.w = in[1];
  conv.k = k;
  conv.r = kernel[0];
  conv.s = kernel[1];
  conv.pad_h = pad[0] / 2;
  conv.pad_w = pad[1] / 2;
  conv.out_h = in[0] + pad[0] - kernel[0] + 1;
  conv.out_w = in[1] + pad[1] - kernel[1] + 1;
  plan.pool = {k,       conv.out_h, conv.out_w, conv.out_h / pool[0], conv.out_w / pool[1], pool[0], pool[1], pool[0],
               pool[1], 0,          0};
  plan.backward_data = backward_data;
  return plan;
}

TEST(ConvPool, NamedShapes) {
  check(make(1, {28, 28}, 20, {5, 5}, {0, 0}, {2, 2}, false), 16);  // LeNet's first layer
  check(make(20, {12, 12}, 50, {5, 5}, {0, 0}, {2, 2}, true), 17);  // and its second
  check(make(1, {9, 11}, 3, {3, 3}, {0, 0}, {2, 2}, true), 5);      // one channel, with the gradient of the input
  check(make(1, {9, 11}, 3, {3, 3}, {2, 2}, {2, 2}, true), 5);      // and padded
  check(make(3, {8, 8}, 16, {3, 3}, {2, 2}, {2, 2}, false), 3);     // padding: same
  check(make(8, {9, 7}, 12, {4, 2}, {3, 1}, {2, 2}, true), 4);      // more padding after than before
  check(make(5, {11, 10}, 7, {3, 3}, {0, 0}, {3, 3}, true), 9);     // rows and columns are left over
  check(make(6, {8, 9}, 5, {1, 1}, {0, 0}, {2, 1}, true), 2);
  check(make(9, {6, 6}, 4, {3, 3}, {2, 2}, {6, 6}, true), 33);    // one window
  check(make(4, {6, 6}, 4, {2, 3}, {0, 0}, {1, 1}, true), 4);     // windows of one pixel
  check(make(2, {5, 20}, 3, {3, 17}, {2, 4}, {1, 2}, true), 4);   // a long row of the kernel
  check(make(2, {14, 5}, 3, {11, 2}, {0, 0}, {2, 2}, true), 4);   // many rows of the kernel
  check(make(70, {5, 4}, 9, {3, 3}, {2, 2}, {2, 2}, true), 3);    // a row of the kernel in pieces
  check(make(32, {18, 40}, 6, {3, 3}, {2, 2}, {2, 2}, true), 2);  // images beyond the first cache, in bands
  check(make(64, {6, 120}, 3, {3, 3}, {0, 0}, {2, 2}, true), 2);  // even a row of windows is
  check(make(1, {1, 1}, 1, {1, 1}, {0, 0}, {1, 1}, true), 1);
}

TEST(ConvPool, RandomShapes) {
  constexpr std::uint64_t kSeed = 22;
  Random random(derive_key(kSeed, "conv and pool shapes"), 0);
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  for (int left = test::random_shapes(60); left > 0;) {
    const Sizes in{pick(1, 13), pick(1, 18)}, kernel{pick(1, 6), pick(1, 6)}, pad{pick(0, 4), pick(0, 4)},
        pool{pick(1, 4), pick(1, 4)};
    const ConvPoolPlan plan = make(pick(1, 19), in, pick(1, 21), kernel, pad, pool, random.below(3) > 0);
    if (plan.conv.out_h < pool[0] || plan.conv.out_w < pool[1]) continue;
    check(plan, pick(1, 20));
    --left;
  }
}

TEST(ConvPool, IsPossibleWhereWindowsTileTheOutput) {
  const ConvPoolPlan usual = make(3, {8, 8}, 4, {3, 3}, {0, 0}, {2, 2}, true);
  EXPECT_TRUE(usual.possible());
  const auto changed = [&](const auto& change) {
    ConvPoolPlan plan = usual;
    change(plan);
    return plan.possible();
  };
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.pool.stride_h = 1; }));
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.pool.size_w = 3; }));
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.pool.pad_w = 1; }));
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.conv.stride_w = 2; }));
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.conv.dilation_h = 2; }));
  EXPECT_FALSE(changed([](ConvPoolPlan& plan) { plan.conv.groups = 2; }));
}

}  // namespace
}  // namespace hone
