// ctest-labels: threads
// The same model, data and seed give bitwise the same training for any number of threads.
#include <gtest/gtest.h>

#include <cstring>

#include "engine/base/parallel.hpp"
#include "tests/support/model.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

struct Case {
  std::string name;
  Component optimizer;
  std::int64_t last = 18;  // images of the last batch: of few, by other kernels
  bool large = false;      // layers so large that threads help each other
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

// Every way in which threads share work: images, output blocks, statistics, dropout, a shortcut, a large dense layer.
ModelSpec model() {
  const std::string same = "same";
  return {{2, 12, 12},
          {conv(6, 3, {{"activation", std::string("relu")}}), pool("max_pool", 2),
           conv(8, 3, {{"padding", same}, {"batch_norm", true}, {"activation", std::string("relu")}}),
           layer("residual", {{"shortcut", std::string("auto")}},
                 {conv(10, 3, {{"padding", same}, {"stride", Pair{2, 2}}, {"batch_norm", true}})}),
           layer("dropout", {{"rate", 0.25}}), dense(320, "relu"), dense(260, "tanh"), dense(4)},
          {}};
}

// Each kind of kernel that shares its work.
ModelSpec large_model() {
  const std::string same = "same", relu = "relu";
  return {{2, 20, 20},
          {conv(104, 1), conv(104, 3, {{"groups", std::int64_t{104}}}), conv(24, 3, {{"groups", std::int64_t{2}}}),
           conv(24, 5, {{"activation", relu}}), pool("max_pool", 2),
           conv(72, 3, {{"padding", same}, {"batch_norm", true}, {"activation", relu}}), conv(120, 1),
           conv(96, 3, {{"padding", same}}), dense(4)},
          {}};
}

struct Trained {
  std::vector<double> losses;
  std::vector<std::vector<float>> values;
  std::vector<float> logits;
};

Trained train(const Case& c, int threads) {
  constexpr std::int64_t kBatch = 37, kClasses = 4;
  const ModelSpec spec = c.large ? large_model() : model();
  NetworkOptions options = test::small_options(spec.input, kBatch, c.optimizer);
  options.classes = kClasses;
  options.last_batch_size = c.last;
  options.clip_gradients = 1;
  options.seed = 5;
  Network<float> net(spec, options);
  net.initialize(3);
  Team team(threads);
  Trained trained;
  for (std::uint64_t step = 0; step < (c.large ? 3 : 6); ++step) {
    const test::Images images(step == 4 ? c.last : kBatch, spec.input, kClasses, step);
    trained.losses.push_back(net.train_step(images.batch(), 0.01, 0, step, team).loss);
  }
  const test::Images images(kBatch, spec.input, kClasses, 99);
  trained.logits.resize(static_cast<std::size_t>(kBatch * kClasses));
  trained.losses.push_back(net.evaluate(images.batch(), trained.logits.data(), team).loss_sum);
  for (const TensorInfo& tensor : net.tensors()) {
    const auto view = net.values(tensor);
    trained.values.emplace_back(view.begin(), view.end());
  }
  return trained;
}

// Unlike ==, tells 0 from -0.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

class Threads : public testing::TestWithParam<Case> {};

TEST_P(Threads, ChangeNothing) {
  const Trained one = train(GetParam(), 1);
  EXPECT_NE(one.losses.front(), one.losses[3]);
  for (const int threads : {2, 3}) {
    const Trained more = train(GetParam(), threads);
    EXPECT_TRUE(same_bits(one.losses, more.losses)) << threads;
    EXPECT_TRUE(same_bits(one.logits, more.logits)) << threads;
    ASSERT_EQ(one.values.size(), more.values.size());
    for (std::size_t i = 0; i < one.values.size(); ++i)
      EXPECT_TRUE(same_bits(one.values[i], more.values[i])) << "tensor " << i << ", " << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Optimizers, Threads,
                         testing::Values(Case{"sgd", test::sgd()}, Case{"nesterov", test::sgd(0.9, true, 0.001)},
                                         Case{"adam", test::adam()}, Case{"adamw", test::adam("adamw", 0.01)},
                                         Case{"few_last", test::sgd(0.9), 2}, Case{"large", test::sgd(0.9), 18, true}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hone
