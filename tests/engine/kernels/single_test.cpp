// Kernels for a few images, of every ISA of this machine, against the definition, evaluated in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/base/rng.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone {
namespace {

using test::expect_close;
using test::random_values;

constexpr std::int64_t kImages = 3;

std::vector<double> wide(const std::vector<float>& values) { return {values.begin(), values.end()}; }
std::vector<float> narrow(const std::vector<double>& values) {
  std::vector<float> out;
  for (const double value : values) out.push_back(static_cast<float>(value));
  return out;
}

// Values that a kernel writes, between guards that it must not touch.
struct Output {
  explicit Output(std::int64_t count) : values(static_cast<std::size_t>(count) + 2 * kGuard, kUntouched) {}
  float* data() { return values.data() + kGuard; }
  std::vector<float> get() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(values[i], kUntouched) << "written before the output";
      EXPECT_EQ(values[values.size() - 1 - i], kUntouched) << "written behind the output";
    }
    return {values.begin() + kGuard, values.end() - kGuard};
  }
  static constexpr std::size_t kGuard = 64;
  static constexpr float kUntouched = -12345.0f;
  std::vector<float> values;
};

// Calls body(table) for every ISA that has kernels for a few images.
template <class Body>
void for_each_table(const Body& body) {
  int tables = 0;
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>* table = single_kernel_table<float>(isa);
    if (table == nullptr) continue;
    SCOPED_TRACE(isa);
    EXPECT_EQ(table->lanes, 1);
    body(*table);
    ++tables;
  }
  EXPECT_EQ(tables + 1, static_cast<int>(available_isas().size()));  // all but the reference
}

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
    kernel_table<double>().conv_forward(plan, wide(src).data(), wide(weights).data(), nullptr,
                                        with_bias ? wide(bias).data() : nullptr, relu, dst.data(), kImages);
    return narrow(dst);
  };
  const auto plain = expected(true, false), relu = expected(false, true);
  for_each_table([&](const KernelTable<float>& table) {
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    Output packed(plan.packed), dst(kImages * shape.dst_size());
    table.conv_pack(plan, weights.data(), packed.data(), nullptr);
    packed.get();
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), bias.data(), false, dst.data(), kImages);
    expect_close(dst.get(), plain, 1e-5, "forward");
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), nullptr, true, dst.data(), kImages);
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
  exact.conv_backward_data(reference, wide(diff).data(), wide(weights).data(), nullptr, diff_src.data(), kImages);
  exact.conv_backward_weights(reference, wide(src).data(), wide(diff).data(), diff_weights.data(), diff_bias.data(),
                              kImages, 0, shape.k, nullptr);
  for_each_table([&](const KernelTable<float>& table) {
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    Output packed(plan.packed_backward), to_src(kImages * shape.src_size());
    table.conv_pack(plan, weights.data(), nullptr, packed.data());
    packed.get();
    // In two pieces, as tasks would.
    for (const ConvPlan& part :
         {plan.only_backward_rows(0, shape.h / 3), plan.only_backward_rows(shape.h / 3, shape.h)})
      table.conv_backward_data(part, diff.data(), weights.data(), packed.data(), to_src.data(), kImages);
    expect_close(to_src.get(), narrow(diff_src), 1e-5, "gradient of the input");

    const std::int64_t tile = shape.groups == 1 ? plan.weight_tile : shape.group_k();
    const std::int64_t middle = std::min(shape.k, shape.k / tile / 2 * tile);
    Output to_weights(shape.weights()), to_bias(shape.k), scratch(plan.weights_scratch);
    const auto run = [&](std::int64_t begin, std::int64_t end, float* bias) {
      table.conv_backward_weights(plan, src.data(), diff.data(), to_weights.data(), bias, kImages, begin, end,
                                  scratch.data());
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
  ConvShape shape;
  shape.c = c;
  shape.h = h;
  shape.w = w;
  shape.k = k;
  shape.r = shape.s = kernel;
  shape.stride_h = shape.stride_w = stride;
  shape.pad_h = shape.pad_w = pad;
  shape.groups = groups;
  shape.out_h = (h + 2 * pad - kernel) / stride + 1;
  shape.out_w = (w + 2 * pad - kernel) / stride + 1;
  return shape;
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
      make(1, 1, 1, 1, 1)};
  return shapes;
}

std::vector<ConvShape> random_shapes(std::uint64_t seed) {
  Random random(derive_key(seed, "single conv shapes"), 0);
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  std::vector<ConvShape> shapes;
  while (shapes.size() < 250) {
    ConvShape shape;
    shape.groups = random.below(3) == 0 ? pick(1, 4) : 1;
    shape.c = shape.groups * (random.below(4) == 0 ? pick(14, 40) : pick(1, 7));
    shape.k = shape.groups * (random.below(4) == 0 ? pick(20, 70) : pick(1, 20));
    shape.h = pick(1, 13);
    shape.w = pick(1, 36);
    shape.r = pick(1, 5);
    shape.s = pick(1, 5);
    shape.stride_h = pick(1, 3);
    shape.stride_w = pick(1, 3);
    shape.pad_h = pick(0, 4);
    shape.pad_w = pick(0, 4);
    shape.dilation_h = pick(1, 3);
    shape.dilation_w = pick(1, 3);
    const std::int64_t rows = shape.h + 2 * shape.pad_h - (shape.r - 1) * shape.dilation_h - 1;
    const std::int64_t columns = shape.w + 2 * shape.pad_w - (shape.s - 1) * shape.dilation_w - 1;
    if (rows < 0 || columns < 0) continue;
    shape.out_h = rows / shape.stride_h + 1;
    shape.out_w = columns / shape.stride_w + 1;
    shapes.push_back(shape);
  }
  return shapes;
}

TEST(Single, ConvNamedShapes) {
  for (const ConvShape& shape : named_shapes()) check_conv(shape);
}

TEST(Single, ConvRandomShapes) {
  for (const ConvShape& shape : random_shapes(21)) check_conv(shape);
}

TEST(Single, ConvBackwardNamedShapes) {
  for (const ConvShape& shape : named_shapes()) check_conv_backward(shape);
}

TEST(Single, ConvBackwardRandomShapes) {
  for (const ConvShape& shape : random_shapes(22)) check_conv_backward(shape);
}

TEST(Single, Dense) {
  for (const std::int64_t in : {1, 3, 16, 37, 800})
    for (const std::int64_t out : {1, 10, 33}) {
      SCOPED_TRACE(testing::Message() << in << " -> " << out);
      const DenseShape shape{in, out};
      const auto src = random_values(kImages * in, 1), weights = random_values(in * out, 2),
                 bias = random_values(out, 3);
      std::vector<double> expected(static_cast<std::size_t>(kImages * out)), relu(expected.size());
      kernel_table<double>().dense_forward(shape, wide(src).data(), wide(weights).data(), wide(bias).data(), false,
                                           expected.data(), kImages, 0, out);
      kernel_table<double>().dense_forward(shape, wide(src).data(), wide(weights).data(), nullptr, true, relu.data(),
                                           kImages, 0, out);
      for_each_table([&](const KernelTable<float>& table) {
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
        exact.dense_transpose(shape, wide(src).data(), rows.data(), images);
        exact.dense_backward_data(shape, wide(diff).data(), wide(weights).data(), diff_src.data(), images, 0, in);
        exact.dense_backward_weights(shape, rows.data(), wide(diff).data(), diff_weights.data(), diff_bias.data(),
                                     images, 0, out);
        for_each_table([&](const KernelTable<float>& table) {
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
    exact.max_pool_forward(shape, wide(src).data(), max.data(), argmax.data(), kImages);
    exact.max_pool_backward(shape, wide(diff).data(), argmax.data(), diff_max.data(), kImages);
    exact.avg_pool_forward(shape, wide(src).data(), avg.data(), kImages);
    exact.avg_pool_backward(shape, wide(diff).data(), diff_avg.data(), kImages);
    for_each_table([&](const KernelTable<float>& table) {
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
  for_each_table([&](const KernelTable<float>& table) {
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
    const ConvShape shape = make(1, 4, 40, 20, 1);
    ConvPlan plan(shape);
    table.conv_prepare(plan);
    const auto weights = random_values(20, 1);
    std::vector<float> packed(static_cast<std::size_t>(plan.packed)), src(160, nan), dst(3200, 0.0f);
    table.conv_pack(plan, weights.data(), packed.data(), nullptr);
    table.conv_forward(plan, src.data(), weights.data(), packed.data(), nullptr, true, dst.data(), 1);
    for (const float value : dst) EXPECT_TRUE(std::isnan(value));
  });
}

TEST(Single, Elementwise) {
  for (const std::int64_t count : {1, 7, 64, 83}) {
    const auto a = random_values(count, 1), b = random_values(count, 2);
    for_each_table([&](const KernelTable<float>& table) {
      Output dst(count);
      std::vector<double> expected(static_cast<std::size_t>(count));
      for (int kind = 0; kind <= static_cast<int>(Activation::softplus); ++kind) {
        kernel_table<double>().activation_forward(static_cast<Activation>(kind), wide(a).data(), expected.data(),
                                                  count);
        table.activation_forward(static_cast<Activation>(kind), a.data(), dst.data(), count);
        expect_close(dst.get(), narrow(expected), 1e-6, "activation " + std::to_string(kind));
        const bool input = needs_input(static_cast<Activation>(kind));
        const auto src = wide(a);
        kernel_table<double>().activation_backward(static_cast<Activation>(kind), input ? src.data() : nullptr,
                                                   input ? nullptr : src.data(), wide(b).data(), expected.data(),
                                                   count);
        table.activation_backward(static_cast<Activation>(kind), input ? a.data() : nullptr, input ? nullptr : a.data(),
                                  b.data(), dst.data(), count);
        expect_close(dst.get(), narrow(expected), 1e-6, "derivative " + std::to_string(kind));
      }
      table.add(a.data(), b.data(), dst.data(), count);
      kernel_table<double>().add(wide(a).data(), wide(b).data(), expected.data(), count);
      expect_close(dst.get(), narrow(expected), 1e-6, "add");
      const std::uint32_t keys[] = {0x12345678u, 0x9abcdef0u};
      const DropoutArgs args{0x60000000u, 1.6};
      table.dropout(args, a.data(), keys, dst.data(), count);
      kernel_table<double>().dropout(args, wide(a).data(), keys, expected.data(), count);
      expect_close(dst.get(), narrow(expected), 1e-6, "dropout");
    });
  }
}

TEST(Single, BatchNorm) {
  constexpr std::int64_t kChannels = 5;
  for (const std::int64_t pixels : {1, 9, 49, 64}) {
    const std::int64_t count = kImages * kChannels * pixels;
    const auto src = random_values(count, 1), scale = random_values(kChannels, 2), shift = random_values(kChannels, 3),
               third = random_values(kChannels, 4), diff = random_values(count, 5);
    std::vector<double> expected(static_cast<std::size_t>(count)), moments(2 * kChannels), sums(2 * kChannels),
        diff_src(expected.size());
    const KernelTable<double>& exact = kernel_table<double>();
    exact.batch_norm_moments(kChannels, pixels, wide(src).data(), moments.data(), kImages, kImages - 1);
    exact.batch_norm_backward_sums(kChannels, pixels, wide(src).data(), wide(diff).data(), wide(shift).data(),
                                   sums.data(), kImages);
    exact.batch_norm_backward_apply(kChannels, pixels, wide(src).data(), wide(diff).data(), wide(scale).data(),
                                    wide(shift).data(), wide(third).data(), diff_src.data(), kImages, kImages - 1);
    exact.batch_norm_apply(kChannels, pixels, wide(src).data(), wide(scale).data(), wide(shift).data(), expected.data(),
                           kImages);
    for_each_table([&](const KernelTable<float>& table) {
      Output dst(count);
      table.batch_norm_apply(kChannels, pixels, src.data(), scale.data(), shift.data(), dst.data(), kImages);
      expect_close(dst.get(), narrow(expected), 1e-6, "batch norm");
      Output both(2 * kChannels);
      table.batch_norm_moments(kChannels, pixels, src.data(), both.data(), kImages, kImages - 1);
      expect_close(both.get(), narrow(moments), 1e-6, "moments");
      table.batch_norm_backward_sums(kChannels, pixels, src.data(), diff.data(), shift.data(), both.data(), kImages);
      expect_close(both.get(), narrow(sums), 1e-6, "sums");
      table.batch_norm_backward_apply(kChannels, pixels, src.data(), diff.data(), scale.data(), shift.data(),
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
  for_each_table([&](const KernelTable<float>& table) {
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
