// Ten steps of small nets on every ISA of this machine, against what PyTorch computes in double precision
// (tests/golden/make_golden.py, which describes the same nets).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/model.hpp"
#include "tests/support/source_folder.hpp"

namespace hone {
namespace {

using nlohmann::json;
using test::conv;
using test::dense;
using test::layer;
using test::pool;

struct Case {
  std::string name;
  Shape input;
  Component optimizer;
  std::vector<Component> layers;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const std::string kAuto = "auto", kRelu = "relu", kSame = "same";

std::vector<Case> cases() {
  const test::Options same_norm{{"padding", kSame}, {"batch_norm", true}};
  const test::Options same_norm_relu{{"padding", kSame}, {"batch_norm", true}, {"activation", kRelu}};
  test::Options halving = same_norm_relu;
  halving["stride"] = Pair{2, 2};
  const test::Options residual{{"shortcut", kAuto}};
  return {
      {"lenet",
       {1, 16, 16},
       test::sgd(0.9, true, 0.005),
       {conv(6, 5, {{"activation", kRelu}}), pool("max_pool", 2), conv(12, 3, {{"activation", kRelu}}),
        pool("max_pool", 2), dense(24, kRelu), dense(5)}},
      {"residual",
       {3, 12, 12},
       test::adam("adam", 0.01),
       {conv(8, 3, same_norm_relu), layer("residual", residual, {conv(12, 3, halving), conv(12, 3, same_norm)}),
        layer(kRelu), layer("residual", residual, {conv(12, 3, same_norm_relu), conv(12, 3, same_norm)}), layer(kRelu),
        layer("global_avg_pool"), dense(5)}},
      {"activations",
       {2, 13, 11},
       test::adam("adamw", 0.05),
       {conv(6, 3, {{"activation", std::string("gelu")}, {"stride", Pair{2, 1}}, {"padding", Pair{1, 2}}}),
        conv(9, 3,
             {{"activation", std::string("silu")},
              {"groups", std::int64_t{3}},
              {"dilation", Pair{2, 1}},
              {"padding", Pair{2, 2}}}),
        pool("avg_pool", 3, {{"stride", Pair{2, 2}}, {"padding", Pair{1, 1}}}), layer("elu"),
        conv(9, 1,
             {{"activation", std::string("leaky_relu")},
              {"kernel", Pair{1, 3}},
              {"groups", std::int64_t{9}},
              {"padding", Pair{0, 1}}}),
        pool("max_pool", 3, {{"stride", Pair{1, 1}}, {"padding", Pair{1, 1}}}), dense(16, "softplus"),
        dense(12, "sigmoid"), dense(10, "tanh"), dense(10), layer("relu6"), dense(4)}},
      {"wide", {1, 16, 16}, test::sgd(0.9), {dense(258, kRelu), dense(20, "tanh", {{"batch_norm", true}}), dense(5)}},
  };
}

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

const json& golden(const std::string& name) {
  static std::map<std::string, json> files;
  if (const auto found = files.find(name); found != files.end()) return found->second;
  return files[name] = json::parse(std::ifstream(test::source_path("tests/golden/" + name + ".json")));
}

// [index, value] of some values: the difference is within `tolerance` of the largest of them, or of 1.
template <class Values>
void expect_some(const json& expected, const Values& got, double tolerance, const std::string& what) {
  double scale = 1;
  for (const json& one : expected) scale = std::max(scale, std::abs(one[1].get<double>()));
  for (const json& one : expected)
    EXPECT_NEAR(static_cast<double>(got[one[0].get<std::size_t>()]), one[1].get<double>(), tolerance * scale)
        << what << "[" << one[0] << "]";
}

class Golden : public testing::TestWithParam<Case> {
 protected:
  // Largest batch first in the file; the last one of an epoch is smaller.
  template <class T>
  void check(const std::string& isa, int threads, double tolerance) {
    const Case& c = GetParam();
    const json& file = golden(c.name);
    const auto pixels = from_hex(file["pixels"]);
    const auto labels = file["labels"].get<std::vector<std::int32_t>>();
    NetworkOptions options = test::small_options(c.input, file["steps"][0]["size"], c.optimizer);
    options.last_batch_size = file["steps"][4]["size"];
    options.evaluation_batch_size = static_cast<std::int64_t>(labels.size()) + 9;
    options.label_smoothing = file["label_smoothing"];
    options.clip_gradients = file["clip_gradients"];
    options.optimizer.options["weight_decay"] = file["weight_decay"].get<double>();
    options.isa = isa;
    options.threads = threads;
    Network<T> net(ModelSpec{c.input, c.layers, {}}, options);
    net.initialize(0);
    set_weights(net, file["weights"]);

    Team team(threads);
    const auto batch_of = [&](std::size_t first, std::size_t size) {
      Batch batch;
      batch.size = static_cast<std::int64_t>(size);
      batch.pixels = pixels.data() + first * static_cast<std::size_t>(c.input.size());
      batch.labels = labels.data() + first;
      return batch;
    };
    std::uint64_t number = 0;
    for (const json& step : file["steps"]) {
      const StepResult got =
          net.train_step(batch_of(step["first"], step["size"]), step["learning_rate"], 0, number, team);
      EXPECT_NEAR(got.loss, step["loss"].get<double>(), tolerance * std::max(1.0, step["loss"].get<double>()))
          << "step " << number;
      EXPECT_EQ(got.correct, step["correct"].get<std::int64_t>()) << "step " << number;
      ++number;
    }
    for (const TensorInfo& tensor : net.tensors())
      expect_some(file["final"].at(tensor.name), net.values(tensor), tolerance, tensor.name);

    std::vector<float> logits(labels.size() * static_cast<std::size_t>(net.classes()));
    const EvaluationResult evaluated = net.evaluate(batch_of(0, labels.size()), logits.data(), team);
    const double loss_sum = file["evaluation"]["loss_sum"];
    EXPECT_NEAR(evaluated.loss_sum, loss_sum, tolerance * loss_sum);
    EXPECT_EQ(evaluated.correct, file["evaluation"]["correct"].get<std::int64_t>());
    expect_some(file["evaluation"]["logits"], logits, std::max(tolerance, 1e-6), "logits");  // they are floats
  }

  template <class T>
  static void set_weights(Network<T>& net, const json& weights) {
    std::size_t found = 0;
    for (const TensorInfo& tensor : net.tensors()) {
      if (!tensor.trainable) continue;
      const json& saved = weights.at(tensor.name);
      const auto bytes = from_hex(saved["bytes"]);
      ASSERT_EQ(static_cast<std::int64_t>(bytes.size()), tensor.size) << tensor.name;
      const double step = saved["step"];
      const auto values = net.values(tensor);
      for (std::size_t i = 0; i < bytes.size(); ++i) values[i] = static_cast<T>((bytes[i] - 128) * step);
      ++found;
    }
    EXPECT_EQ(found, weights.size());
  }
};

TEST_P(Golden, TenStepsOnEveryIsa) {
  for (const std::string_view isa : available_isas()) {
    SCOPED_TRACE(isa);
    check<float>(std::string(isa), 2, 1e-5);
  }
}

// In double the only difference left is the order of sums.
TEST_P(Golden, TenStepsInDouble) { check<double>("", 1, 1e-10); }

INSTANTIATE_TEST_SUITE_P(Nets, Golden, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hone
