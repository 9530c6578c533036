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

void check_conv(const ConvShape& shape) {
  SCOPED_TRACE(testing::Message() << "C " << shape.c << " HxW " << shape.h << "x" << shape.w << " K " << shape.k
                                  << " RxS " << shape.r << "x" << shape.s << " stride " << shape.stride_h << ","
                                  << shape.stride_w << " pad " << shape.pad_h << "," << shape.pad_w << " dilation "
                                  << shape.dilation_h << "," << shape.dilation_w << " groups " << shape.groups);
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

TEST(Single, ConvNamedShapes) {
  check_conv(make(1, 28, 28, 20, 5));           // LeNet's first layer
  check_conv(make(20, 12, 12, 50, 5));          // and its second
  check_conv(make(64, 8, 8, 64, 3, 1, 1));      // edges along rows and along columns
  check_conv(make(3, 40, 40, 16, 3, 2, 1));     // strided
  check_conv(make(16, 5, 33, 24, 3, 1, 1));     // half a vector left over, where the ISA has it
  check_conv(make(32, 30, 3, 48, 3, 1, 1));     // narrower than high
  check_conv(make(8, 7, 7, 130, 1));            // many tiles of channels
  check_conv(make(6, 6, 6, 34, 3, 1, 1, 2));    // groups
  check_conv(make(8, 20, 37, 8, 3, 1, 1, 8));   // depthwise
  check_conv(make(8, 20, 37, 16, 5, 1, 2, 8));  // with two outputs an input
  check_conv(make(8, 19, 37, 8, 3, 2, 1, 8));   // strided
  check_conv(make(1, 1, 1, 1, 1));
}

TEST(Single, ConvRandomShapes) {
  constexpr std::uint64_t kSeed = 21;
  Random random(derive_key(kSeed, "single conv shapes"), 0);
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return static_cast<std::int64_t>(low + random.below(high - low + 1));
  };
  int done = 0;
  while (done < 250) {
    ConvShape shape;
    shape.groups = random.below(3) == 0 ? pick(1, 4) : 1;
    shape.c = shape.groups * pick(1, 7);
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
    check_conv(shape);
    ++done;
  }
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
    std::vector<double> max(static_cast<std::size_t>(kImages * shape.dst_size())), avg(max.size());
    kernel_table<double>().max_pool_forward(shape, wide(src).data(), max.data(), nullptr, kImages);
    kernel_table<double>().avg_pool_forward(shape, wide(src).data(), avg.data(), kImages);
    for_each_table([&](const KernelTable<float>& table) {
      Output dst(kImages * shape.dst_size());
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
      }
      table.add(a.data(), b.data(), dst.data(), count);
      kernel_table<double>().add(wide(a).data(), wide(b).data(), expected.data(), count);
      expect_close(dst.get(), narrow(expected), 1e-6, "add");
    });
  }
}

TEST(Single, BatchNorm) {
  constexpr std::int64_t kChannels = 5;
  for (const std::int64_t pixels : {1, 9, 49, 64}) {
    const std::int64_t count = kImages * kChannels * pixels;
    const auto src = random_values(count, 1), scale = random_values(kChannels, 2), shift = random_values(kChannels, 3);
    std::vector<double> expected(static_cast<std::size_t>(count));
    kernel_table<double>().batch_norm_apply(kChannels, pixels, wide(src).data(), wide(scale).data(), wide(shift).data(),
                                            expected.data(), kImages);
    for_each_table([&](const KernelTable<float>& table) {
      Output dst(count);
      table.batch_norm_apply(kChannels, pixels, src.data(), scale.data(), shift.data(), dst.data(), kImages);
      expect_close(dst.get(), narrow(expected), 1e-6, "batch norm");
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
