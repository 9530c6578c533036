// Kernels for a few images, of every ISA of this machine, against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/base/rng.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/single.hpp"

namespace hone {
namespace {

using test::expect_close;
using test::narrow;
using test::Output;
using test::random_values;

constexpr std::int64_t kImages = test::kFewImages;

TEST(Single, Dense) {
  for (const std::int64_t in : {1, 3, 16, 37, 800})
    for (const std::int64_t out : {1, 10, 33}) {
      SCOPED_TRACE(testing::Message() << in << " -> " << out);
      const DenseShape shape{in, out};
      const auto src = random_values(kImages * in, 1), weights = random_values(in * out, 2),
                 bias = random_values(out, 3);
      std::vector<double> expected(static_cast<std::size_t>(kImages * out)), relu(expected.size());
      kernel_table<double>().dense_forward(shape, test::widen(src).data(), test::widen(weights).data(),
                                           test::widen(bias).data(), false, expected.data(), kImages, 0, out);
      kernel_table<double>().dense_forward(shape, test::widen(src).data(), test::widen(weights).data(), nullptr, true,
                                           relu.data(), kImages, 0, out);
      test::for_each_single_table([&](const KernelTable<float>& table) {
        Output dst(kImages * out), one(out);
        // In two pieces, as tasks would.
        table.dense_forward(shape, src.data(), weights.data(), bias.data(), false, dst.data(), kImages, 0, out / 2);
        table.dense_forward(shape, src.data(), weights.data(), bias.data(), false, dst.data(), kImages, out / 2, out);
        expect_close(dst.get(), narrow(expected), 1e-5, "forward");
        // An image's outputs do not depend on those beside it.
        table.dense_forward(shape, src.data(), weights.data(), bias.data(), false, one.data(), 1, 0, out);
        const auto all = dst.get(), first = one.get();
        EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin()));
        table.dense_forward(shape, src.data(), weights.data(), nullptr, true, dst.data(), kImages, 0, out);
        expect_close(dst.get(), narrow(relu), 1e-5, "forward with relu");
      });
    }
}

TEST(Single, DenseBackward) {
  for (const std::int64_t images : {1, 3, 7})
    for (const std::int64_t in : {1, 3, 16, 37, 200})
      for (const std::int64_t out : {1, 10, 33}) {
        SCOPED_TRACE(testing::Message() << images << " images, " << in << " -> " << out);
        const DenseShape shape{in, out};
        const auto src = random_values(images * in, 1), weights = random_values(in * out, 2),
                   diff = random_values(images * out, 3);
        std::vector<double> rows(static_cast<std::size_t>(images * shape.padded_in())), diff_src(src.size()),
            diff_weights(weights.size()), diff_bias(static_cast<std::size_t>(out));
        const KernelTable<double>& exact = kernel_table<double>();
        exact.dense_transpose(shape, test::widen(src).data(), rows.data(), images);
        exact.dense_backward_data(shape, test::widen(diff).data(), test::widen(weights).data(), diff_src.data(), images,
                                  0, in);
        exact.dense_backward_weights(shape, rows.data(), test::widen(diff).data(), diff_weights.data(),
                                     diff_bias.data(), images, 0, out);
        test::for_each_single_table([&](const KernelTable<float>& table) {
          Output transposed(images * shape.padded_in()), to_src(images * in), to_weights(in * out), to_bias(out);
          table.dense_transpose(shape, src.data(), transposed.data(), images);
          EXPECT_EQ(transposed.get(), narrow(rows));
          // In two pieces, as tasks would.
          for (const auto& [begin, end] : {std::pair{std::int64_t{0}, in / 3}, std::pair{in / 3, in}})
            table.dense_backward_data(shape, diff.data(), weights.data(), to_src.data(), images, begin, end);
          expect_close(to_src.get(), narrow(diff_src), 1e-5, "gradient of the input");
          for (const auto& [begin, end] : {std::pair{std::int64_t{0}, out / 3}, std::pair{out / 3, out}})
            table.dense_backward_weights(shape, transposed.data(), diff.data(), to_weights.data(), to_bias.data(),
                                         images, begin, end);
          expect_close(to_weights.get(), narrow(diff_weights), 1e-5, "gradient of the weights");
          expect_close(to_bias.get(), narrow(diff_bias), 1e-5, "gradient of the bias");
        });
      }
}

PoolShape pool(std::int64_t h, std::int64_t w, std::int64_t size, std::int64_t stride, std::int64_t pad) {
  return {5,      h,   w,  (h + 2 * pad - size) / stride + 1, (w + 2 * pad - size) / stride + 1, size, size, stride,
          stride, pad, pad};
}

TEST(Single, Pools) {
  for (const PoolShape& shape : {pool(8, 24, 2, 2, 0), pool(7, 75, 2, 2, 0), pool(9, 9, 3, 2, 1), pool(11, 40, 3, 1, 1),
                                 pool(7, 7, 7, 7, 0), pool(6, 6, 4, 3, 2), pool(1, 1, 1, 1, 0)}) {
    SCOPED_TRACE(testing::Message() << shape.h << "x" << shape.w << " by " << shape.size_h << ", stride "
                                    << shape.stride_h << ", padding " << shape.pad_h);
    const auto src = random_values(kImages * shape.src_size(), 1);
    const auto diff = random_values(kImages * shape.dst_size(), 2);
    std::vector<double> max(static_cast<std::size_t>(kImages * shape.dst_size())), avg(max.size()), argmax(max.size()),
        diff_max(src.size()), diff_avg(src.size());
    const KernelTable<double>& exact = kernel_table<double>();
    exact.max_pool_forward(shape, test::widen(src).data(), max.data(), argmax.data(), kImages);
    exact.max_pool_backward(shape, test::widen(diff).data(), argmax.data(), diff_max.data(), kImages);
    exact.avg_pool_forward(shape, test::widen(src).data(), avg.data(), kImages);
    exact.avg_pool_backward(shape, test::widen(diff).data(), diff_avg.data(), kImages);
    test::for_each_single_table([&](const KernelTable<float>& table) {
      Output dst(kImages * shape.dst_size()), winners(kImages * shape.dst_size()), to_src(kImages * shape.src_size());
      table.max_pool_forward(shape, src.data(), dst.data(), winners.data(), kImages);
      EXPECT_EQ(dst.get(), narrow(max));
      EXPECT_EQ(winners.get(), narrow(argmax));
      table.max_pool_backward(shape, diff.data(), winners.data(), to_src.data(), kImages);
      expect_close(to_src.get(), narrow(diff_max), 1e-6, "gradient of the largest");
      table.avg_pool_backward(shape, diff.data(), to_src.data(), kImages);
      expect_close(to_src.get(), narrow(diff_avg), 1e-6, "gradient of the mean");
      table.max_pool_forward(shape, src.data(), dst.data(), nullptr, kImages);
      EXPECT_EQ(dst.get(), narrow(max));
      table.avg_pool_forward(shape, src.data(), dst.data(), kImages);
      expect_close(dst.get(), narrow(avg), 1e-6, "mean");
    });
  }
}

TEST(Single, NotANumberGoesThrough) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  test::for_each_single_table([&](const KernelTable<float>& table) {
    for (std::int64_t at = 0; at < 40 * 2; ++at) {
      std::vector<float> src(80, 1.0f), dst(20, 0.0f);
      src[static_cast<std::size_t>(at)] = nan;
      table.max_pool_forward({1, 2, 40, 1, 20, 2, 2, 2, 2, 0, 0}, src.data(), dst.data(), nullptr, 1);
      for (std::int64_t i = 0; i < 20; ++i)
        EXPECT_EQ(std::isnan(dst[static_cast<std::size_t>(i)]), i == at % 40 / 2) << at << " " << i;
      std::vector<float> winners(20);
      table.max_pool_forward({1, 2, 40, 1, 20, 2, 2, 2, 2, 0, 0}, src.data(), dst.data(), winners.data(), 1);
      for (std::int64_t i = 0; i < 20; ++i)
        EXPECT_EQ(winners[static_cast<std::size_t>(i)], i == at % 40 / 2 ? at / 40 * 2 + at % 2 : 0) << at << " " << i;
    }
  });
}

TEST(Single, Elementwise) {
  for (const std::int64_t count : {1, 7, 64, 83}) {
    const auto a = random_values(count, 1), b = random_values(count, 2);
    test::for_each_single_table([&](const KernelTable<float>& table) {
      Output dst(count);
      std::vector<double> expected(static_cast<std::size_t>(count));
      for (int kind = 0; kind <= static_cast<int>(Activation::softplus); ++kind) {
        kernel_table<double>().activation_forward(static_cast<Activation>(kind), test::widen(a).data(), expected.data(),
                                                  count);
        table.activation_forward(static_cast<Activation>(kind), a.data(), dst.data(), count);
        expect_close(dst.get(), narrow(expected), 1e-6, "activation " + std::to_string(kind));
        const bool input = needs_input(static_cast<Activation>(kind));
        const auto src = test::widen(a);
        kernel_table<double>().activation_backward(static_cast<Activation>(kind), input ? src.data() : nullptr,
                                                   input ? nullptr : src.data(), test::widen(b).data(), expected.data(),
                                                   count);
        table.activation_backward(static_cast<Activation>(kind), input ? a.data() : nullptr, input ? nullptr : a.data(),
                                  b.data(), dst.data(), count);
        expect_close(dst.get(), narrow(expected), 1e-6, "derivative " + std::to_string(kind));
      }
      table.add(a.data(), b.data(), dst.data(), count);
      kernel_table<double>().add(test::widen(a).data(), test::widen(b).data(), expected.data(), count);
      expect_close(dst.get(), narrow(expected), 1e-6, "add");
      const std::uint32_t keys[] = {0x12345678u, 0x9abcdef0u};
      const DropoutArgs args{0x60000000u, 1.6};
      table.dropout(args, a.data(), keys, dst.data(), count);
      kernel_table<double>().dropout(args, test::widen(a).data(), keys, expected.data(), count);
      expect_close(dst.get(), narrow(expected), 1e-6, "dropout");
    });
  }
}

TEST(Single, BatchNorm) {
  constexpr std::int64_t kChannels = 5;
  for (const bool relu : {false, true})
    for (const std::int64_t pixels : {1, 9, 49, 64}) {
      const std::int64_t count = kImages * kChannels * pixels;
      const auto src = random_values(count, 1), scale = random_values(kChannels, 2),
                 shift = random_values(kChannels, 3), third = random_values(kChannels, 4),
                 diff = random_values(count, 5);
      std::vector<double> expected(static_cast<std::size_t>(count)), moments(2 * kChannels), sums(2 * kChannels),
          diff_src(expected.size());
      const KernelTable<double>& exact = kernel_table<double>();
      exact.batch_norm_moments(kChannels, pixels, test::widen(src).data(), moments.data(), kImages, kImages - 1);
      const auto exact_scale = test::widen(scale), exact_shift = test::widen(shift);
      const Scaling<double> exact_scaling{exact_scale.data(), exact_shift.data()};
      const Scaling<double> exact_cut = relu ? exact_scaling : Scaling<double>{};
      exact.batch_norm_backward_sums(kChannels, pixels, test::widen(src).data(), test::widen(diff).data(), exact_cut,
                                     exact_shift.data(), sums.data(), kImages);
      exact.batch_norm_backward_apply(kChannels, pixels, test::widen(src).data(), test::widen(diff).data(), exact_cut,
                                      exact_scale.data(), exact_shift.data(), test::widen(third).data(),
                                      diff_src.data(), kImages, kImages - 1);
      exact.batch_norm_apply(kChannels, pixels, test::widen(src).data(), exact_scaling, relu, expected.data(), kImages);
      const Scaling<float> scaling{scale.data(), shift.data()}, cut = relu ? scaling : Scaling<float>{};
      test::for_each_single_table([&](const KernelTable<float>& table) {
        Output dst(count);
        table.batch_norm_apply(kChannels, pixels, src.data(), scaling, relu, dst.data(), kImages);
        expect_close(dst.get(), narrow(expected), 1e-6, "batch norm");
        Output both(2 * kChannels);
        table.batch_norm_moments(kChannels, pixels, src.data(), both.data(), kImages, kImages - 1);
        expect_close(both.get(), narrow(moments), 1e-6, "moments");
        table.batch_norm_backward_sums(kChannels, pixels, src.data(), diff.data(), cut, shift.data(), both.data(),
                                       kImages);
        expect_close(both.get(), narrow(sums), 1e-6, "sums");
        table.batch_norm_backward_apply(kChannels, pixels, src.data(), diff.data(), cut, scale.data(), shift.data(),
                                        third.data(), dst.data(), kImages, kImages - 1);
        expect_close(dst.get(), narrow(diff_src), 1e-6, "gradient of batch norm");
      });
    }
}

TEST(Single, LoadBytes) {
  constexpr std::int64_t kChannels = 3, kPixels = 53;
  const std::vector<float> mean{1, 128, 3}, scale{0.5f, 0.01f, 2};
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < kChannels * kPixels; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  test::for_each_single_table([&](const KernelTable<float>& table) {
    LoadArgs<float> args;
    args.channels = kChannels;
    args.pixels = kPixels;
    args.mean = mean.data();
    args.scale = scale.data();
    Output dst(kChannels * kPixels);
    table.load_bytes(args, bytes.data(), 1, dst.data());
    const auto got = dst.get();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      EXPECT_EQ(got[i], (static_cast<float>(bytes[i]) - mean[i / kPixels]) * scale[i / kPixels]) << i;
  });
}

}  // namespace
}  // namespace hone
