// ctest-labels: threads
// Evaluation of and training on a few images, which have kernels of their own, against evaluation of many, and training
// in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/model.hpp"
#include "tests/support/sanitized.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

constexpr std::int64_t kMany = 40, kClasses = 7;

struct Case {
  std::string name;
  ModelSpec model;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

std::vector<Case> cases() {
  const std::string same = "same", relu = "relu";
  return {{"lenet",
           {{1, 28, 28},
            {conv(20, 5), pool("max_pool", 2), conv(50, 5), pool("max_pool", 2), dense(500, "relu"), dense(kClasses)},
            {}}},
          {"blocks",
           {{3, 16, 16},
            {conv(16, 3, {{"padding", same}, {"batch_norm", true}, {"activation", relu}}),
             layer("residual", {{"shortcut", std::string("auto")}},
                   {conv(24, 3, {{"padding", same}, {"stride", Pair{2, 2}}, {"batch_norm", true}}), layer("leaky_relu"),
                    conv(24, 3, {{"padding", same}, {"bias", true}, {"batch_norm", true}})}),
             layer("relu"), conv(24, 3, {{"padding", same}, {"groups", std::int64_t{24}}, {"activation", relu}}),
             layer("batch_norm"), conv(32, 1, {{"groups", std::int64_t{2}}, {"activation", std::string("gelu")}}),
             pool("avg_pool", 2), layer("global_avg_pool"), dense(kClasses)},
            {}}},
          {"dense", {{2, 7, 9}, {dense(33, "tanh", {{"batch_norm", true}}), dense(600, "relu"), dense(kClasses)}, {}}}};
}

struct Outputs {
  std::vector<float> logits;
  EvaluationResult result;
};

Outputs evaluate(Network<float>& net, const test::Images& images, std::int64_t first, std::int64_t count, Team& team) {
  Batch batch = images.batch();
  batch.size = count;
  batch.pixels += first * net.input().size();
  batch.labels += first;
  Outputs out;
  out.logits.resize(static_cast<std::size_t>(count * kClasses));
  out.result = net.evaluate(batch, out.logits.data(), team);
  return out;
}

// Weights as initialised, running statistics that are not those of the start.
Network<float> network(const ModelSpec& model, std::string_view isa) {
  NetworkOptions options = test::small_options(model.input, kMany);
  options.classes = kClasses;
  options.training = false;
  options.isa = std::string(isa);
  options.threads = 3;
  Network<float> net(model, options);
  net.initialize(3);
  Random random(derive_key(7, "running statistics"), 0);
  for (const TensorInfo& tensor : net.tensors())
    if (tensor.shape.size() == 1)
      for (float& value : net.values(tensor)) value += 0.5f * random.uniform_float();
  return net;
}

class FewImages : public testing::TestWithParam<Case> {};

TEST_P(FewImages, GiveWhatManyGive) {
  const test::Images images(kMany, GetParam().model.input, kClasses, 1);
  Team team(2);
  for (const std::string_view isa : available_isas()) {
    if (single_kernel_table<float>(isa) == nullptr) continue;
    SCOPED_TRACE(isa);
    Network<float> net = network(GetParam().model, isa);
    const Outputs many = evaluate(net, images, 0, kMany, team);
    double largest = 0;
    for (const float logit : many.logits) largest = std::max(largest, std::abs(static_cast<double>(logit)));
    ASSERT_GT(largest, 0.01);
    for (const std::int64_t count : {1, 2, 3, 5, 12, 13}) {
      SCOPED_TRACE(count);
      const std::int64_t first = kMany - 13;
      const Outputs few = evaluate(net, images, first, count, team);
      double loss = 0;
      for (std::int64_t i = 0; i < count * kClasses; ++i)
        ASSERT_NEAR(few.logits[static_cast<std::size_t>(i)],
                    many.logits[static_cast<std::size_t>(first * kClasses + i)], 1e-5 * largest)
            << "logit " << i % kClasses << " of image " << i / kClasses;
      std::int64_t correct = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const float* logits = few.logits.data() + i * kClasses;
        const std::int32_t label = images.labels[static_cast<std::size_t>(first + i)];
        double sum = 0;
        for (std::int64_t k = 0; k < kClasses; ++k) sum += std::exp(static_cast<double>(logits[k]));
        loss += std::log(sum) - static_cast<double>(logits[label]);
        correct += std::max_element(logits, logits + kClasses) - logits == label ? 1 : 0;
      }
      EXPECT_NEAR(few.result.loss_sum, loss, 1e-4 * std::max(1.0, loss));
      EXPECT_EQ(few.result.correct, correct);
    }
  }
}

TEST_P(FewImages, DoNotDependOnThreads) {
  const test::Images images(kMany, GetParam().model.input, kClasses, 1);
  for (const std::string_view isa : available_isas()) {
    if (single_kernel_table<float>(isa) == nullptr) continue;
    SCOPED_TRACE(isa);
    Network<float> net = network(GetParam().model, isa);
    for (const std::int64_t count : {1, 2, 3}) {
      Team alone(1);
      const Outputs expected = evaluate(net, images, 0, count, alone);
      for (const int threads : {2, 3}) {
        Team team(threads);
        const Outputs got = evaluate(net, images, 0, count, team);
        EXPECT_EQ(std::memcmp(got.logits.data(), expected.logits.data(), got.logits.size() * sizeof(float)), 0)
            << count << " images, " << threads << " threads";
      }
    }
  }
}

TEST_P(FewImages, FollowTheWeights) {
  const test::Images images(kMany, GetParam().model.input, kClasses, 1);
  Team team(1);
  Network<float> net = network(GetParam().model, {});
  const Outputs before = evaluate(net, images, 0, 1, team);
  for (const TensorInfo& tensor : net.tensors())
    for (float& value : net.values(tensor)) value *= 1.5f;
  const Outputs after = evaluate(net, images, 0, 1, team), many = evaluate(net, images, 0, kMany, team);
  EXPECT_NE(before.logits, after.logits);
  for (std::size_t k = 0; k < kClasses; ++k)
    EXPECT_NEAR(after.logits[k], many.logits[k], 1e-5 * std::max(1.0f, std::abs(many.logits[k])));
}

// Steps on three images, the last but one on two: at once what the net then is.
template <class T>
std::vector<std::vector<T>> train(const ModelSpec& spec, std::string_view isa, int threads) {
  constexpr std::int64_t kBatch = 3, kLast = 2;
  ModelSpec model = spec;
  model.layers.insert(model.layers.end() - 1, layer("dropout", {{"rate", 0.25}}));
  NetworkOptions options = test::small_options(model.input, kBatch, test::sgd(0.9, true, 0.001));
  options.classes = kClasses;
  options.last_batch_size = kLast;
  options.clip_gradients = 1;
  options.isa = std::string(isa);
  options.seed = 5;
  options.threads = threads;
  Network<T> net(model, options);
  net.initialize(3);
  Team team(threads);
  std::vector<std::vector<T>> values{{}};
  constexpr std::uint64_t kSteps = HONE_SANITIZED ? 2 : 5;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    const test::Images images(step + 2 == kSteps ? kLast : kBatch, model.input, kClasses, step);
    values[0].push_back(static_cast<T>(net.train_step(images.batch(), 0.02, 0, step, team).loss));
  }
  for (const TensorInfo& tensor : net.tensors()) {
    const auto view = net.values(tensor);
    values.emplace_back(view.begin(), view.end());
  }
  return values;
}

TEST_P(FewImages, TrainAsInDouble) {
  const auto exact = train<double>(GetParam().model, {}, 1);
  for (const std::string_view isa : available_isas()) {
    if (single_kernel_table<float>(isa) == nullptr) continue;
    SCOPED_TRACE(isa);
    const auto got = train<float>(GetParam().model, isa, 1);
    ASSERT_EQ(got.size(), exact.size());
    EXPECT_NE(got[0].front(), got[0].back());
    for (std::size_t i = 0; i < got.size(); ++i) {
      double largest = 0.1;
      for (const double value : exact[i]) largest = std::max(largest, std::abs(value));
      for (std::size_t j = 0; j < got[i].size(); ++j)
        ASSERT_NEAR(static_cast<double>(got[i][j]), exact[i][j], 1e-4 * largest)
            << (i == 0 ? "loss" : "tensor " + std::to_string(i - 1)) << " [" << j << "]";
    }
  }
}

TEST_P(FewImages, TrainTheSameOnAnyNumberOfThreads) {
  for (const std::string_view isa : available_isas()) {
    SCOPED_TRACE(isa);
    const auto alone = train<float>(GetParam().model, isa, 1);
    for (const int threads : {2, 3}) {
      const auto together = train<float>(GetParam().model, isa, threads);
      ASSERT_EQ(together.size(), alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i)
        EXPECT_EQ(std::memcmp(together[i].data(), alone[i].data(), alone[i].size() * sizeof(float)), 0)
            << "tensor " << i << ", " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FewImages, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hone
