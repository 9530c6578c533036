// ctest-labels: threads
// A step that is given up has changed nothing: whatever was done before and comes after is bitwise as without it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <thread>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/model.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

constexpr std::int64_t kBatch = 37, kClasses = 4;

// Each kind of convolution and of dense layer, and all that keeps something from step to step.
ModelSpec model(const std::string& pooling = "max_pool") {
  const std::string same = "same", relu = "relu";
  return {
      {2, 11, 11},
      {conv(16, 3, {{"activation", relu}}), pool(pooling, 2), conv(24, 1, {{"batch_norm", true}, {"activation", relu}}),
       conv(24, 3, {{"padding", same}, {"groups", std::int64_t{24}}}),
       conv(32, 3, {{"padding", same}, {"stride", Pair{2, 2}}, {"batch_norm", true}}),
       conv(36, 3, {{"padding", same}, {"groups", std::int64_t{2}}, {"activation", relu}}),
       conv(230, 3, {{"padding", same}, {"batch_norm", true}, {"activation", relu}}),
       layer("dropout", {{"rate", 0.25}}), dense(40, "tanh", {{"batch_norm", true}}), dense(kClasses)},
      {}};
}

NetworkOptions options(const std::atomic<int>* stop, int threads, double clip) {
  NetworkOptions options = test::small_options(model().input, kBatch, test::adam());
  options.classes = kClasses;
  options.clip_gradients = clip;
  options.threads = threads;
  options.stop = stop;
  return options;
}

std::vector<float> everything(const Network<float>& net) {
  std::vector<float> all;
  for (const TensorInfo& tensor : net.tensors()) {
    const auto values = net.values(tensor);
    all.insert(all.end(), values.begin(), values.end());
  }
  for (const TensorInfo& tensor : net.optimizer_tensors()) {
    const auto values = net.optimizer_values(tensor);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Case {
  int threads;
  double clip;  // of gradients; 0: not
};

class GivenUp : public testing::TestWithParam<Case> {};

// The request comes at any moment of a step.
TEST_P(GivenUp, StepsChangeNothing) {
  const auto [threads, clip] = GetParam();
  std::atomic<int> stop{0};
  Network<float> net(model(), options(&stop, threads, clip)), undisturbed(model(), options(nullptr, 1, clip));
  net.initialize(3);
  undisturbed.initialize(3);
  Team team(threads), one(1);
  const test::Images images(kBatch, model().input, kClasses, 1);

  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(net.train_step(images.batch(), 0.01, 0, 0, team).given_up);
  auto longest = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  undisturbed.train_step(images.batch(), 0.01, 0, 0, one);

  int given_up = 0, done = 0;
  Random random(7, 0);
  for (int attempt = 0; attempt < 25 || given_up == 0 || done == 0; ++attempt) {
    ASSERT_LT(attempt, 1000) << given_up << " steps given up, " << done << " done";
    const auto delay = std::chrono::microseconds(random.below(static_cast<std::uint64_t>(longest.count() + 1)));
    std::thread stopper([&stop, delay] {
      std::this_thread::sleep_for(delay);
      stop = 1;
    });
    const auto step = static_cast<std::uint64_t>(done + 1);
    const StepResult result = net.train_step(images.batch(), 0.01, 0, step, team);
    stopper.join();
    stop = 0;
    if (result.given_up) {
      ++given_up;
    } else {
      ++done;
      EXPECT_EQ(result.loss, undisturbed.train_step(images.batch(), 0.01, 0, step, one).loss);
    }
    ASSERT_TRUE(same_bits(everything(net), everything(undisturbed))) << "attempt " << attempt;
  }
}

TEST_P(GivenUp, BeforeAnythingWasDone) {
  const auto [threads, clip] = GetParam();
  std::atomic<int> stop{SIGTERM};
  Network<float> net(model(), options(&stop, threads, clip)), undisturbed(model(), options(nullptr, 1, clip));
  undisturbed.initialize(3);
  net.initialize(3);
  EXPECT_FALSE(same_bits(everything(net), everything(undisturbed))) << "initialize() does not look";
  stop = 0;
  net.initialize(3);
  stop = SIGTERM;
  Team team(threads);
  const test::Images images(kBatch, model().input, kClasses, 1);
  EXPECT_TRUE(net.train_step(images.batch(), 0.01, 0, 0, team).given_up);
  EXPECT_TRUE(net.evaluate(images.batch(), nullptr, team).given_up);
  ASSERT_TRUE(same_bits(everything(net), everything(undisturbed)));
  stop = 0;
  EXPECT_EQ(net.evaluate(images.batch(), nullptr, team).loss_sum,
            undisturbed.evaluate(images.batch(), nullptr, team).loss_sum);
}

INSTANTIATE_TEST_SUITE_P(Threads, GivenUp, testing::Values(Case{1, 0}, Case{2, 0.5}, Case{3, 0}),
                         [](const auto& tested) { return std::to_string(tested.param.threads); });

// What is cut into pieces, so that a step can be given up between them, is what it would be in one, but for rounding
// where a piece has other tiles.
TEST(GivenUp, PiecesChangeNothing) {
  // Where its gradient goes to a max_pool, a convolution that takes long has other kernels.
  const ModelSpec spec = model("avg_pool");
  for (const std::string_view isa : available_isas()) {
    if (isa == "reference" && available_isas().size() > 1) continue;  // slow, and cut by blocks and outputs alone
    for (const std::int64_t batch : {kBatch, std::int64_t{2}}) {
      const auto net_after_a_step = [&](std::int64_t macs_at_a_time) {
        NetworkOptions in_pieces = options(nullptr, 1, 0);
        in_pieces.batch_size = batch;
        in_pieces.isa = isa;
        in_pieces.macs_at_a_time = macs_at_a_time;
        Network<float> net(spec, in_pieces);
        net.initialize(3);
        Team team(1);
        net.train_step(test::Images(batch, spec.input, kClasses, 1).batch(), 0.01, 0, 0, team);
        return net;
      };
      const Network<float> whole = net_after_a_step(NetworkOptions().macs_at_a_time);
      for (const std::int64_t macs : {1, 300'000}) {
        const Network<float> net = net_after_a_step(macs);
        for (const TensorInfo& tensor : whole.tensors()) {
          const auto expected = tensor.trainable ? whole.gradient(tensor) : whole.values(tensor);
          const auto got = tensor.trainable ? net.gradient(tensor) : net.values(tensor);
          double largest = 0, difference = 0;
          for (std::size_t i = 0; i < expected.size(); ++i) {
            largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
            difference = std::max(difference, std::abs(static_cast<double>(expected[i]) - static_cast<double>(got[i])));
          }
          EXPECT_LE(difference, 1e-3 * largest + 1e-6)  // batch norm of two images magnifies rounding
              << tensor.name << ", " << isa << ", " << batch << " images, " << macs << " at a time";
        }
      }
    }
  }
}

}  // namespace
}  // namespace hone
