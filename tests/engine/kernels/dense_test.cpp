// Fully connected kernels of every ISA of this machine against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::from_lanes;
using test::random_values;
using test::to_lanes;

struct Tensors {
  std::vector<float> src, weights, bias, diff;  // (images, in), (out, in), (out), (images, out)
};

struct Results {
  std::vector<float> dst, relu, no_bias, diff_src, diff_weights, diff_bias;
};

// Every kernel, its outputs in the pieces that `cuts` name; what is not written stays NaN.
template <class T>
Results run(const KernelTable<T>& table, const DenseShape& shape, std::int64_t images, const Tensors& in,
            const std::vector<double>& cuts) {
  const std::int64_t L = table.lanes, blocks = (images + L - 1) / L;
  const auto lanes = [&](const std::vector<float>& plain, std::int64_t size) {
    const auto blocked = to_lanes(plain, images, size, L);
    return std::vector<T>(blocked.begin(), blocked.end());
  };
  const auto plain = [&](const std::vector<T>& blocked, std::int64_t size) {
    return from_lanes(std::vector<float>(blocked.begin(), blocked.end()), images, size, L);
  };
  const auto values = [](std::int64_t count) { return std::vector<T>(static_cast<std::size_t>(count), T(NAN)); };
  const auto pieces = [&](std::int64_t count, const auto& body) {
    std::int64_t begin = 0;
    for (const double cut : cuts) {
      const auto end = static_cast<std::int64_t>(cut * static_cast<double>(count));
      if (end > begin) body(begin, end);
      begin = std::max(begin, end);
    }
    if (count > begin) body(begin, count);
  };
  const std::vector<T> weights(in.weights.begin(), in.weights.end()), bias(in.bias.begin(), in.bias.end());
  const auto src = lanes(in.src, shape.in), diff = lanes(in.diff, shape.out);
  auto dst = values(blocks * L * shape.out), diff_src = values(blocks * L * shape.in);
  auto transposed = values(blocks * L * shape.padded_in());
  auto diff_weights = values(shape.in * shape.out), diff_bias = values(shape.out);

  Results out;
  const auto forward = [&](const T* with_bias, bool relu) {
    std::fill(dst.begin(), dst.end(), T(NAN));
    pieces(shape.out, [&](std::int64_t begin, std::int64_t end) {
      table.dense_forward(shape, src.data(), weights.data(), with_bias, relu, dst.data(), blocks, begin, end);
    });
    return plain(dst, shape.out);
  };
  out.dst = forward(bias.data(), false);
  out.relu = forward(bias.data(), true);
  out.no_bias = forward(nullptr, false);
  pieces(shape.in, [&](std::int64_t begin, std::int64_t end) {
    table.dense_backward_data(shape, diff.data(), weights.data(), diff_src.data(), blocks, begin, end);
  });
  out.diff_src = plain(diff_src, shape.in);
  table.dense_transpose(shape, src.data(), transposed.data(), blocks);
  pieces(shape.out, [&](std::int64_t begin, std::int64_t end) {
    table.dense_backward_weights(shape, transposed.data(), diff.data(), diff_weights.data(), diff_bias.data(), blocks,
                                 begin, end);
  });
  out.diff_weights.assign(diff_weights.begin(), diff_weights.end());
  out.diff_bias.assign(diff_bias.begin(), diff_bias.end());
  return out;
}

void check(std::int64_t in, std::int64_t out) {
  const DenseShape shape{in, out};
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    for (const std::int64_t images : test::image_counts(table.lanes)) {
      SCOPED_TRACE(testing::Message() << isa << " N " << images << " in " << in << " out " << out);
      const Tensors tensors{random_values(images * in, 1), random_values(out * in, 2), random_values(out, 3),
                            random_values(images * out, 4)};
      const Results expected = run(kernel_table<double>(), shape, images, tensors, {});
      const Results got = run(table, shape, images, tensors, {0.3, 0.31, 0.7});
      test::expect_close(got.dst, expected.dst, 1e-5, "forward");
      test::expect_close(got.relu, expected.relu, 1e-5, "forward with relu");
      test::expect_close(got.no_bias, expected.no_bias, 1e-5, "forward without bias");
      test::expect_close(got.diff_src, expected.diff_src, 1e-5, "backward data");
      test::expect_close(got.diff_weights, expected.diff_weights, 1e-5, "backward weights");
      test::expect_close(got.diff_bias, expected.diff_bias, 1e-5, "backward bias");
      // Where it is cut changes nothing: tasks may be any.
      const Results other = run(table, shape, images, tensors, {0.5});
      EXPECT_TRUE(test::same_bits(got.dst, other.dst));
      EXPECT_TRUE(test::same_bits(got.diff_src, other.diff_src));
      EXPECT_TRUE(test::same_bits(got.diff_weights, other.diff_weights));
    }
  }
}

TEST(Dense, TailsOfEveryTile) {
  for (const std::int64_t in : {1, 3, 4, 5, 15, 16, 17, 31, 33, 48})
    for (const std::int64_t out : {1, 2, 5, 9, 10, 11, 12, 13, 24, 25}) check(in, out);
}

TEST(Dense, NamedShapes) {
  check(200, 50);   // between LeNet's convolutions and its classes
  check(513, 10);   // one input beyond a power of two
  check(64, 1000);  // many classes
  check(515, 261);  // weights beyond the second cache
}

TEST(Dense, DefinitionByHand) {
  const KernelTable<double>& table = kernel_table<double>();
  const DenseShape shape{2, 3};
  const std::vector<double> src{1, 2}, weights{1, 0, 0, 1, -3, 1}, bias{0.5, 0, 0};
  std::vector<double> dst(3);
  table.dense_forward(shape, src.data(), weights.data(), bias.data(), true, dst.data(), 1, 0, 3);
  EXPECT_EQ(dst, (std::vector<double>{1.5, 2, 0}));
}

TEST(Dense, NotANumberGoesThrough) {
  const DenseShape shape{1, 1};
  const float weight = NAN;
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>& table = kernel_table<float>(isa);
    const std::vector<float> src(static_cast<std::size_t>(table.lanes), 1.0f);
    std::vector<float> dst(src.size());
    table.dense_forward(shape, src.data(), &weight, nullptr, true, dst.data(), 1, 0, 1);
    for (const float value : dst) EXPECT_TRUE(std::isnan(value)) << isa;
  }
}

}  // namespace
}  // namespace hone
