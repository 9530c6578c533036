// Shape inference: output shapes, parameters, initial weights; every impossible shape with its place.
#include "engine/graph/infer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/expect_error.hpp"
#include "tests/support/model.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

const std::string kSame = "same", kAuto = "auto";

Shape output(Shape input, std::vector<Component> layers) {
  return infer_model({input, std::move(layers), {}}).layers().back().output;
}

Shape shape(std::int64_t c, std::int64_t h, std::int64_t w) { return {c, h, w}; }

TEST(Infer, ConvolutionShapes) {
  const Shape in{4, 11, 8};
  EXPECT_EQ(output(in, {conv(6, 3)}), shape(6, 9, 6));
  EXPECT_EQ(output(in, {conv(6, 3, {{"padding", kSame}})}), shape(6, 11, 8));
  EXPECT_EQ(output(in, {conv(6, 3, {{"padding", kSame}, {"stride", Pair{2, 3}}})}), shape(6, 6, 3));
  EXPECT_EQ(output(in, {conv(6, 3, {{"padding", Pair{2, 0}}, {"stride", Pair{1, 2}}})}), shape(6, 13, 3));
  EXPECT_EQ(output(in, {conv(6, 3, {{"dilation", Pair{3, 2}}})}), shape(6, 5, 4));
  EXPECT_EQ(output(in, {conv(6, 1, {{"kernel", Pair{11, 8}}})}), shape(6, 1, 1));
  EXPECT_EQ(output(in, {conv(6, 2, {{"stride", Pair{8192, 8192}}})}), shape(6, 1, 1));
}

TEST(Infer, PoolShapes) {
  const Shape in{4, 11, 8};
  EXPECT_EQ(output(in, {pool("max_pool", 2)}), shape(4, 5, 4));  // floor
  EXPECT_EQ(output(in, {pool("avg_pool", 3, {{"stride", Pair{2, 1}}, {"padding", Pair{1, 1}}})}), shape(4, 6, 8));
  EXPECT_EQ(output(in, {layer("global_avg_pool")}), shape(4, 1, 1));
}

TEST(Infer, PathsAndNamesFollowPyTorch) {
  const InferContext context = infer_model(
      {{3, 8, 8},
       {conv(4, 3, {{"padding", kSame}, {"batch_norm", true}}), layer("relu"),
        layer("residual", {{"shortcut", kAuto}}, {conv(6, 3, {{"padding", kSame}, {"stride", Pair{2, 2}}})}),
        layer("repeat", {{"times", std::int64_t{2}}}, {dense(5), layer("tanh")}), dense(2)},
       {}});
  std::vector<std::string> names;
  for (const ParameterSpec& spec : context.parameters()) names.push_back(spec.info.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "layers.0.weight", "layers.0.bn.weight", "layers.0.bn.bias", "layers.0.bn.running_mean",
                       "layers.0.bn.running_var", "layers.2.layers.0.weight", "layers.2.layers.0.bias",
                       "layers.2.shortcut.weight", "layers.2.shortcut.bn.weight", "layers.2.shortcut.bn.bias",
                       "layers.2.shortcut.bn.running_mean", "layers.2.shortcut.bn.running_var",
                       "layers.3.0.layers.0.weight", "layers.3.0.layers.0.bias", "layers.3.1.layers.0.weight",
                       "layers.3.1.layers.0.bias", "layers.4.weight", "layers.4.bias"}));
  const auto shape_of = [&](std::size_t i) { return context.parameters()[i].info.shape; };
  EXPECT_EQ(shape_of(0), (std::vector<std::int64_t>{4, 3, 3, 3}));
  EXPECT_EQ(shape_of(7), (std::vector<std::int64_t>{6, 4, 1, 1}));
  EXPECT_EQ(shape_of(12), (std::vector<std::int64_t>{5, 6 * 4 * 4}));
  EXPECT_TRUE(context.convolutional());
  EXPECT_FALSE(infer_model({{1, 2, 2}, {dense(2)}, {}}).convolutional());
}

TEST(Infer, ParametersAndMacs) {
  // Worked out by hand for LeNet: 520 + 25,050 + 400,500 + 5,010 parameters.
  const InferContext context =
      infer_model({{1, 28, 28},
                   {conv(20, 5), pool("max_pool", 2), conv(50, 5), pool("max_pool", 2), dense(500, "relu"), dense(10)},
                   {}});
  std::int64_t parameters = 0, macs = 0, booked = 0;
  for (const LayerInfo& info : context.layers()) {
    parameters += info.parameters;
    macs += info.macs;
  }
  for (const ParameterSpec& spec : context.parameters()) booked += spec.info.size;
  EXPECT_EQ(parameters, 431080);
  EXPECT_EQ(booked, 431080);
  EXPECT_EQ(macs, 288000 + 1600000 + 400000 + 5000);
}

TEST(Infer, WeightDecayIsForConvolutionAndDenseWeights) {
  const InferContext context =
      infer_model({{3, 8, 8}, {conv(4, 3, {{"batch_norm", true}}), conv(4, 3), layer("batch_norm"), dense(2)}, {}});
  for (const ParameterSpec& spec : context.parameters())
    EXPECT_EQ(spec.info.decay, spec.info.shape.size() > 1) << spec.info.name;
}

Initialization of(std::vector<Component> layers) {
  return infer_model({{2, 8, 8}, std::move(layers), {}}).parameters().front().initialization;
}

TEST(Infer, InitialWeightsFollowWhatTheyEndIn) {
  constexpr auto he = Initialization::he_normal, xavier = Initialization::xavier_uniform;
  for (const char* name : {"relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "softplus"}) {
    EXPECT_EQ(of({dense(3, name)}), he) << name;
    EXPECT_EQ(of({conv(3, 3), layer(name)}), he) << name;
  }
  for (const char* name : {"tanh", "sigmoid"}) {
    EXPECT_EQ(of({dense(3, name)}), xavier) << name;
    EXPECT_EQ(of({dense(3), layer(name)}), xavier) << name;
  }
  EXPECT_EQ(of({dense(3)}), xavier);
  EXPECT_EQ(of({dense(3), dense(3, "relu")}), xavier) << "the relu is another layer's";
  EXPECT_EQ(of({conv(3, 3, {{"batch_norm", true}}), pool("max_pool", 2), layer("relu")}), he);
  EXPECT_EQ(of({conv(3, 3), layer("batch_norm"), layer("dropout", {{"rate", 0.5}}), layer("relu")}), he);
  EXPECT_EQ(of({dense(3, "tanh"), layer("relu")}), xavier) << "its own activation decides";
}

// ---- errors; every layer of these models has a line of its own

std::vector<Component> numbered(std::vector<Component> layers) {
  int line = 0;
  for (Component& one : layers) one.where = {"model.yaml", ++line, 5};
  return layers;
}

template <class... Parts>
void expect_refused(Shape input, std::vector<Component> layers, const Parts&... parts) {
  EXPECT_HONE_ERROR(infer_model({input, numbered(std::move(layers)), {"model.yaml", 0, 0}}), config, parts...);
}

TEST(InferErrors, NameTheLayersPlace) {
  const Shape in{3, 8, 8};
  expect_refused(in, {conv(4, 3), conv(4, 9)}, "model.yaml:2:5: conv: a kernel of 9 x 9", "[4, 6, 6]", "; expected");
  expect_refused(in, {conv(4, 3, {{"groups", std::int64_t{2}}})}, "model.yaml:1:5", "groups 2", "3 input channels");
  expect_refused(in, {conv(4, 3, {{"dilation", Pair{4, 4}}})}, "model.yaml:1:5", "does not fit");
  expect_refused(in, {dense(2), conv(4, 3)}, "model.yaml:2:5: conv", "[2, 1, 1]");
  expect_refused(in, {layer("relu"), pool("max_pool", 9)}, "model.yaml:2:5: max_pool", "[3, 8, 8]", "; expected");
  expect_refused(in, {pool("avg_pool", 2, {{"padding", Pair{2, 2}}})}, "model.yaml:1:5: avg_pool", "padding");
  expect_refused(in, {layer("residual", {{"shortcut", std::string("identity")}}, {conv(4, 3)})},
                 "model.yaml:1:5: residual", "[3, 8, 8]", "[4, 6, 6]", "identity");
  expect_refused(in, {layer("residual", {{"shortcut", kAuto}}, {conv(4, 4)})}, "model.yaml:1:5: residual", "no stride");
  expect_refused(in, {layer("conv2")}, "model.yaml:1:5", "unknown layer 'conv2'");
}

TEST(InferErrors, NestedLayersNameTheirOwnPlace) {
  Component bad = conv(4, 9);
  bad.where = {"model.yaml", 7, 11};
  expect_refused({3, 8, 8}, {layer("repeat", {{"times", std::int64_t{2}}}, {bad})}, "model.yaml:7:11: conv");
}

TEST(InferErrors, NumbersThatWouldOverflow) {
  const std::int64_t most = 1 << 20;
  expect_refused({1, 8192, 8192}, {conv(most, 1)}, "model.yaml:1:5", "too large for any machine");
  expect_refused({1, 8, 8}, {dense(most), dense(most)}, "model.yaml:2:5", "too large for any machine");
  expect_refused({64, 1, 1}, {conv(most, 8192, {{"padding", Pair{8192, 8192}}})}, "model.yaml:1:5", "too large");
  expect_refused({most, 8192, 8192}, {layer("relu")}, "model.yaml: ", "too large");
}

TEST(InferErrors, NestedRepeatsAreCounted) {
  Component bomb = layer("relu");
  for (int depth = 0; depth < 20; ++depth) bomb = layer("repeat", {{"times", std::int64_t{256}}}, {bomb});
  expect_refused({1, 8, 8}, {bomb}, "more than 4096 layers");
  Component empty = layer("repeat", {{"times", std::int64_t{256}}});
  for (int depth = 0; depth < 20; ++depth) empty = layer("repeat", {{"times", std::int64_t{256}}}, {empty});
  expect_refused({1, 8, 8}, {empty}, "more than 4096 layers");
}

}  // namespace
}  // namespace hone
