// Gradients of every layer and of whole nets against central differences, in double.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/parallel.hpp"
#include "tests/support/model.hpp"
#include "tests/support/sanitized.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

struct Case {
  std::string name;
  Shape input;
  std::vector<Component> layers;
  double label_smoothing = 0;
  std::int64_t batch = 5;  // images, each a chunk: gradients over the whole batch
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const Component kBatchNormConv =
    conv(4, 3, {{"batch_norm", true}, {"padding", std::string("same")}, {"activation", std::string("silu")}});

std::vector<Case> cases() {
  const Shape rgb{3, 7, 6};
  std::vector<Case> all = {
      {"dense", rgb, {dense(3)}},
      {"dense_smoothed", rgb, {dense(3)}, 0.1},
      {"dense_relu", rgb, {dense(8, "relu"), dense(3)}},
      {"dense_batch_norm", rgb, {dense(8, "tanh", {{"batch_norm", true}}), dense(3)}},
      {"dense_no_bias", rgb, {dense(8, "tanh", {{"bias", false}}), dense(3, "none", {{"bias", false}})}},
      {"dense_whole_batch", {1, 16, 16}, {dense(260, "relu"), dense(257, "tanh"), dense(3)}},
      {"conv", rgb, {conv(4, 3), conv(2, 2), dense(3)}},
      {"conv_relu", rgb, {conv(4, 3, {{"activation", std::string("relu")}}), conv(2, 2), dense(3)}},
      {"conv_stride", rgb, {conv(4, 2), conv(4, 3, {{"stride", Pair{2, 3}}, {"padding", Pair{1, 2}}}), dense(3)}},
      {"conv_dilation", rgb, {conv(4, 1), conv(4, 2, {{"dilation", Pair{3, 2}}, {"padding", Pair{1, 1}}}), dense(3)}},
      {"conv_dilation_stride",
       {2, 9, 9},
       {conv(2, 1), conv(3, 3, {{"dilation", Pair{2, 3}}, {"stride", Pair{2, 2}}, {"padding", Pair{2, 1}}}), dense(3)}},
      {"conv_stride_beyond_kernel", rgb, {conv(2, 1), conv(4, 2, {{"stride", Pair{3, 3}}}), dense(3)}},
      {"conv_same_even", rgb, {conv(4, 1), conv(4, 4, {{"padding", std::string("same")}}), dense(3)}},
      {"conv_groups", rgb, {conv(4, 1), conv(6, 3, {{"groups", std::int64_t{2}}}), dense(3)}},
      {"conv_depthwise",
       rgb,
       {conv(4, 1), conv(4, 3, {{"groups", std::int64_t{4}}, {"padding", std::string("same")}}), dense(3)}},
      {"conv_whole_batch", {2, 4, 3}, {conv(130, 1, {{"activation", std::string("tanh")}}), conv(60, 3), dense(3)}},
      {"conv_batch_norm", rgb, {kBatchNormConv, conv(4, 3, {{"batch_norm", true}}), dense(3)}},
      {"conv_batch_norm_relu",
       rgb,
       {conv(4, 3, {{"batch_norm", true}, {"activation", std::string("relu")}}), dense(3)}},
      {"dense_batch_norm_relu", rgb, {dense(8, "relu", {{"batch_norm", true}}), dense(3)}},
      {"batch_norm_layer", rgb, {conv(4, 3), layer("batch_norm"), layer("tanh"), dense(3)}},
      {"max_pool", rgb, {conv(4, 2), pool("max_pool", 2), dense(3)}},
      {"max_pool_relu", rgb, {conv(4, 2, {{"activation", std::string("relu")}}), pool("max_pool", 2), dense(3)}},
      {"max_pool_twice",
       rgb,
       {conv(4, 2, {{"padding", std::string("same")}, {"activation", std::string("relu")}}), pool("max_pool", 2),
        conv(5, 2, {{"bias", false}}), pool("max_pool", 1, {{"size", Pair{2, 1}}}), dense(3)}},
      // The convolution's output has two readers, in either order.
      {"max_pool_and_shortcut",
       rgb,
       {conv(4, 2, {{"activation", std::string("relu")}}),
        layer("residual", {{"shortcut", std::string("auto")}}, {pool("max_pool", 2), conv(5, 1)}), dense(3)}},
      {"max_pool_in_branch",
       {4, 6, 6},
       {conv(4, 1), layer("residual", {{"shortcut", std::string("identity")}}, {pool("max_pool", 1), layer("tanh")}),
        dense(3)}},
      {"max_pool_overlapping",
       rgb,
       {conv(4, 1), pool("max_pool", 3, {{"stride", Pair{2, 1}}, {"padding", Pair{1, 1}}}), dense(3)}},
      {"avg_pool", rgb, {conv(4, 1), pool("avg_pool", 3, {{"stride", Pair{2, 2}}, {"padding", Pair{1, 1}}}), dense(3)}},
      {"global_avg_pool", rgb, {conv(4, 2), layer("global_avg_pool"), dense(3)}},
      {"dropout", rgb, {conv(4, 2), layer("dropout", {{"rate", 0.4}}), dense(3)}},
      {"residual_identity",
       rgb,
       {conv(3, 1),
        layer("residual", {{"shortcut", std::string("auto")}},
              {kBatchNormConv, conv(3, 3, {{"padding", std::string("same")}})}),
        layer("tanh"), dense(3)}},
      {"residual_projection",
       rgb,
       {conv(3, 1),
        layer("residual", {{"shortcut", std::string("auto")}},
              {conv(4, 3, {{"padding", std::string("same")}, {"stride", Pair{2, 2}}})}),
        dense(3)}},
      {"residual_nested",
       rgb,
       {conv(3, 1),
        layer("residual", {{"shortcut", std::string("identity")}},
              {layer("residual", {{"shortcut", std::string("auto")}}, {conv(3, 1), layer("sigmoid")}), layer("tanh")}),
        dense(3)}},
      {"repeat", rgb, {layer("repeat", {{"times", std::int64_t{3}}}, {conv(4, 2), layer("tanh")}), dense(3)}},
      {"lenet",
       {1, 16, 16},
       {conv(4, 5), pool("max_pool", 2), conv(6, 3), pool("max_pool", 2), dense(12, "relu"), dense(3)}},
  };
  for (const char* activation : {"relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"})
    all.push_back({activation, rgb, {conv(4, 2), layer(activation), dense(3)}});
  // Layers whose gradients are computed by chunk, once chunks are of several images.
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    Case larger = all[i];
    if (larger.name.rfind("conv", 0) != 0 && larger.name.rfind("dense", 0) != 0 &&
        larger.name.rfind("max_pool", 0) != 0)
      continue;
    larger.name += "_by_chunk";
    larger.batch = 18;
    all.push_back(larger);
  }
  return all;
}

class Gradient : public testing::TestWithParam<Case> {};

TEST_P(Gradient, AgreesWithCentralDifferences) {
  const Case& c = GetParam();
  const test::Images images(c.batch, c.input, 3, 7);
  NetworkOptions options = test::small_options(c.input, c.batch);
  options.label_smoothing = c.label_smoothing;
  options.classes = 3;
  Network<double> net(ModelSpec{c.input, c.layers, {}}, options);
  net.initialize(11);
  Team team(1);
  const auto loss = [&] { return net.train_step(images.batch(), 0, 0, 0, team).loss; };
  // Biases and scales of batch norm away from 0 and 1, where mistakes would hide.
  Random random(derive_key(3, "perturb"), 0);
  for (const TensorInfo& tensor : net.tensors())
    if (tensor.trainable)
      for (double& value : net.values(tensor)) value += 0.1 * random.normal();

  // Large nets are slow on these kernels, and all of them under a sanitizer.
  const int samples = HONE_SANITIZED ? 2 : net.parameters() > 20000 || c.batch > 5 ? 4 : 12;
  loss();
  for (const TensorInfo& tensor : net.tensors()) {
    if (!tensor.trainable) continue;
    const auto view = net.gradient(tensor);
    const std::vector<double> analytic(view.begin(), view.end());
    double scale = 0;
    for (const double g : analytic) scale = std::max(scale, std::abs(g));
    for (int sample = 0; sample < samples; ++sample) {
      const std::size_t i = random.below(analytic.size());
      constexpr double kStep = 1e-5;
      double& weight = net.values(tensor)[i];
      const double saved = weight;
      const auto loss_at = [&](double value) {
        net.values(tensor)[i] = value;
        return loss();
      };
      // Fourth order: its error is far below what is asked for.
      const double numeric = (8 * (loss_at(saved + kStep) - loss_at(saved - kStep)) -
                              (loss_at(saved + 2 * kStep) - loss_at(saved - 2 * kStep))) /
                             (12 * kStep);
      net.values(tensor)[i] = saved;
      EXPECT_NEAR(analytic[i], numeric, 1e-6 * std::max(scale, 1e-3)) << tensor.name << "[" << i << "]";
    }
    loss();
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, Gradient, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hone
