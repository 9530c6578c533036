// ctest-labels: threads
// Networks: batches of every size, training against evaluation, initial weights, dropout, decay, errors.
#include "engine/graph/network.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <set>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/kernels.hpp"
#include "tests/support/model.hpp"

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;
using test::same_bits;

const std::string kSame = "same";
constexpr std::int64_t kClasses = 4;
constexpr std::int64_t kManyClasses = 5;

ModelSpec plain() {
  return {{2, 10, 10},
          {conv(6, 3, {{"activation", std::string("relu")}}), pool("max_pool", 2),
           conv(8, 3, {{"padding", kSame}, {"activation", std::string("gelu")}}), dense(24, "relu"), dense(kClasses)},
          {}};
}

// The same with what tells training from evaluation, and a dense layer that works on the whole batch.
ModelSpec rich() {
  ModelSpec spec = plain();
  spec.layers = {conv(6, 3, {{"batch_norm", true}, {"activation", std::string("relu")}}),
                 layer("residual", {{"shortcut", std::string("auto")}},
                       {conv(8, 3, {{"padding", kSame}, {"stride", Pair{2, 2}}, {"batch_norm", true}})}),
                 layer("dropout", {{"rate", 0.25}}), dense(530, "relu"), dense(kClasses)};
  return spec;
}

template <class T>
std::vector<std::vector<T>> weights_of(Network<T>& net) {
  std::vector<std::vector<T>> all;
  for (const TensorInfo& tensor : net.tensors()) {
    const auto view = net.values(tensor);
    all.emplace_back(view.begin(), view.end());
  }
  return all;
}

template <class T>
const TensorInfo& tensor_named(const Network<T>& net, const std::string& name) {
  for (const TensorInfo& tensor : net.tensors())
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

// Logits of all images, evaluated `size` at a time.
std::vector<float> logits_of(Network<float>& net, const test::Images& images, std::int64_t size, Team& team) {
  const Batch all = images.batch();
  std::vector<float> logits(static_cast<std::size_t>(all.size * net.classes()));
  for (std::int64_t first = 0; first < all.size; first += size) {
    Batch some;
    some.size = std::min(size, all.size - first);
    some.pixels = all.pixels + first * net.input().size();
    some.labels = all.labels + first;
    net.evaluate(some, logits.data() + first * net.classes(), team);
  }
  return logits;
}

TEST(Network, EvaluationDoesNotDependOnTheBatch) {
  constexpr std::int64_t kImages = 45;
  const test::Images images(kImages, plain().input, kClasses, 1);
  Team team(2);
  for (const ModelSpec& spec : {plain(), rich()})
    for (const std::string_view isa : available_isas()) {
      NetworkOptions options = test::small_options(spec.input, kImages);
      options.isa = isa;
      Network<float> net(spec, options);
      net.initialize(2);
      const auto all = logits_of(net, images, kImages, team);
      for (const std::int64_t size : {15, 16, 31, 32})
        EXPECT_TRUE(same_bits(all, logits_of(net, images, size, team))) << isa << " " << size << " at a time";
      // A few images, or a rest of a few, have kernels of their own, which round in another way.
      for (const std::int64_t size : {1, 7, 44})
        test::expect_close(logits_of(net, images, size, team), all, 1e-5, "logits");
    }
}

TEST(Network, LastBatchIsPlannedLikeABatchOfItsSize) {
  const ModelSpec spec = rich();
  const test::Images images(19, spec.input, kClasses, 1);
  NetworkOptions options = test::small_options(spec.input, 50, test::sgd(0.9));
  options.last_batch_size = 19;
  Network<float> both(spec, options);
  options.batch_size = 19;
  options.last_batch_size = 0;
  Network<float> only(spec, options);
  Team team(2);
  for (Network<float>* net : {&both, &only}) {
    net->initialize(3);
    for (std::uint64_t step = 0; step < 3; ++step) net->train_step(images.batch(), 0.05, 0, step, team);
  }
  const auto a = weights_of(both), b = weights_of(only);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i])) << both.tensors()[i].name;
}

TEST(Network, TrainingSeesWhatEvaluationSees) {
  const ModelSpec spec = plain();
  const test::Images images(23, spec.input, kClasses, 1);
  Network<float> net(spec, test::small_options(spec.input, 23));
  net.initialize(4);
  Team team(2);
  const StepResult trained = net.train_step(images.batch(), 0, 0, 0, team);
  const EvaluationResult evaluated = net.evaluate(images.batch(), nullptr, team);
  EXPECT_DOUBLE_EQ(trained.loss, evaluated.loss_sum / 23);
  EXPECT_EQ(trained.correct, evaluated.correct);
}

TEST(Network, LossAndAnswersAreThoseOfTheLogits) {
  const ModelSpec spec = plain();
  const test::Images images(23, spec.input, kClasses, 1);
  Network<float> net(spec, test::small_options(spec.input, 23));
  net.initialize(4);
  Team team(1);
  std::vector<float> logits(23 * kClasses);
  const EvaluationResult got = net.evaluate(images.batch(), logits.data(), team);
  double loss = 0;
  std::int64_t correct = 0;
  for (std::size_t n = 0; n < 23; ++n) {
    const float* row = logits.data() + n * kClasses;
    double sum = 0;
    for (std::int64_t k = 0; k < kClasses; ++k) sum += std::exp(static_cast<double>(row[k]));
    loss += std::log(sum) - row[images.labels[n]];
    correct += std::max_element(row, row + kClasses) - row == images.labels[n] ? 1 : 0;
  }
  EXPECT_NEAR(got.loss_sum, loss, 1e-5 * loss);
  EXPECT_EQ(got.correct, correct);
}

TEST(Network, DropoutDoesNothingInEvaluation) {
  ModelSpec with = plain();
  with.layers.insert(with.layers.end() - 1, layer("dropout", {{"rate", 0.6}}));
  const test::Images images(9, with.input, kClasses, 1);
  NetworkOptions options = test::small_options(with.input, 9);
  Network<float> dropped(with, options), whole(plain(), options);
  dropped.initialize(5);
  for (std::size_t i = 0; i < whole.tensors().size(); ++i) {
    const auto from = dropped.values(dropped.tensors()[i]);
    std::copy(from.begin(), from.end(), whole.values(whole.tensors()[i]).begin());
  }
  Team team(1);
  EXPECT_TRUE(same_bits(logits_of(dropped, images, 9, team), logits_of(whole, images, 9, team)));
}

TEST(Network, WeightsThatAreWrittenAreUsed) {
  const ModelSpec spec = plain();
  const test::Images images(9, spec.input, kClasses, 1);
  const NetworkOptions options = test::small_options(spec.input, 9);
  Network<float> a(spec, options), b(spec, options);
  a.initialize(1);
  b.initialize(2);
  Team team(1);
  const auto before = logits_of(a, images, 9, team);
  EXPECT_FALSE(same_bits(before, logits_of(b, images, 9, team)));
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    const auto from = a.values(a.tensors()[i]);
    std::copy(from.begin(), from.end(), b.values(b.tensors()[i]).begin());
  }
  EXPECT_TRUE(same_bits(before, logits_of(b, images, 9, team)));
}

TEST(Network, WithoutTrainingItOnlyEvaluates) {
  const ModelSpec spec = rich();
  const test::Images images(9, spec.input, kClasses, 1);
  NetworkOptions options = test::small_options(spec.input, 9, test::adam());
  Network<float> trains(spec, options);
  options.training = false;
  options.optimizer = {};
  Network<float> evaluates(spec, options);
  trains.initialize(1);
  evaluates.initialize(1);
  Team team(1);
  EXPECT_TRUE(same_bits(logits_of(trains, images, 9, team), logits_of(evaluates, images, 9, team)));
  EXPECT_LT(evaluates.arena_bytes(), trains.arena_bytes() / 2);
  EXPECT_TRUE(evaluates.optimizer_tensors().empty());
  EXPECT_EQ(trains.optimizer_tensors().size(), 2u * 13);  // two moments of 13 tensors
}

struct Recording : Augmenter {
  explicit Recording(std::int64_t values) : size(values) {}
  void apply(const std::uint8_t* src, std::uint32_t id, std::uint64_t epoch, float* dst) const noexcept override {
    ++calls[id % calls.size()];
    if (epoch != 6) ++wrong;
    for (std::int64_t i = 0; i < size; ++i) dst[i] = src[i];
  }
  std::int64_t size;
  mutable std::vector<std::atomic<int>> calls = std::vector<std::atomic<int>>(64);
  mutable std::atomic<int> wrong{0};
};

TEST(Network, AugmenterIsAskedOnceForEachImage) {
  const ModelSpec spec = rich();
  const test::Images images(37, spec.input, kClasses, 1);
  const NetworkOptions options = test::small_options(spec.input, 37);
  Network<float> with(spec, options), without(spec, options);
  with.initialize(1);
  without.initialize(1);
  Team team(3);
  const Recording augmenter(spec.input.size());
  Batch batch = images.batch();
  const double plain_loss = without.train_step(batch, 0.1, 6, 0, team).loss;
  batch.augmenter = &augmenter;
  EXPECT_EQ(with.train_step(batch, 0.1, 6, 0, team).loss, plain_loss) << "an augmenter that changes nothing";
  for (std::size_t id = 0; id < 64; ++id) EXPECT_EQ(augmenter.calls[id], id < 37 ? 1 : 0) << id;
  EXPECT_EQ(augmenter.wrong, 0);
  const auto a = weights_of(with), b = weights_of(without);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i])) << i;
}

TEST(Network, NumbersThatAreNoneAreFound) {
  const ModelSpec spec = plain();
  const test::Images images(9, spec.input, kClasses, 1);
  Network<float> net(spec, test::small_options(spec.input, 9));
  net.initialize(1);
  EXPECT_TRUE(net.finite());
  Team team(1);
  for (const char* name : {"layers.0.weight", "layers.2.bias", "layers.4.weight"}) {
    float& value = net.values(tensor_named(net, name))[1];
    const float saved = value;
    value = NAN;
    EXPECT_FALSE(net.finite()) << name;
    EXPECT_TRUE(std::isnan(net.evaluate(images.batch(), nullptr, team).loss_sum)) << name;
    value = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(net.finite()) << name;
    value = saved;
    EXPECT_TRUE(net.finite());
  }
}

// ---- what is planned

TEST(Network, PlanHashTellsPlansApart) {
  const NetworkOptions options = test::small_options(plain().input, 16);
  const std::uint64_t hash = Network<float>(plain(), options).plan_hash();
  EXPECT_EQ(Network<float>(plain(), options).plan_hash(), hash);
  std::set<std::uint64_t> seen{hash};
  NetworkOptions other = options;
  other.threads = 3;
  EXPECT_EQ(Network<float>(plain(), other).plan_hash(), hash) << "threads change nothing";
  other.batch_size = 17;
  EXPECT_TRUE(seen.insert(Network<float>(plain(), other).plan_hash()).second) << "batch";
  for (const std::string_view isa : available_isas()) {
    if (isa == chosen_isa().name) continue;
    other = options;
    other.isa = isa;
    EXPECT_TRUE(seen.insert(Network<float>(plain(), other).plan_hash()).second) << isa;
  }
  ModelSpec wider = plain();
  wider.layers[0].options["filters"] = std::int64_t{7};
  EXPECT_TRUE(seen.insert(Network<float>(wider, options).plan_hash()).second) << "filters";
}

TEST(Network, DescribesItself) {
  Network<float> net(plain(), test::small_options(plain().input, 16));
  ASSERT_EQ(net.layers().size(), 5u);
  for (const LayerInfo& info : net.layers()) EXPECT_NE(info.kernel.empty(), info.parameters > 0) << info.path;
  EXPECT_EQ(net.layers()[2].path, "layers.2");
  EXPECT_EQ(net.layers()[2].output, (Shape{8, 4, 4}));
  EXPECT_EQ(net.parameters(), 6 * 18 + 6 + 8 * 54 + 8 + 24 * 128 + 24 + 4 * 24 + 4);
  EXPECT_EQ(net.macs_per_image(), 6 * 18 * 64 + 8 * 54 * 16 + 24 * 128 + 4 * 24);
  EXPECT_TRUE(net.convolutional());
  EXPECT_EQ(net.classes(), kClasses);
  EXPECT_GT(net.arena_bytes(), 0);
}

TEST(NetworkErrors, NameWhatIsWrong) {
  const NetworkOptions right = test::small_options(plain().input, 16);
  NetworkOptions options = right;
  options.classes = 10;
  EXPECT_HONE_ERROR(Network<float>(plain(), options), config, "model.yaml:1:1", "4 values", "10 classes");
  options = right;
  options.optimizer.type = "sgdd";
  EXPECT_HONE_ERROR(Network<float>(plain(), options), config, "model.yaml:1:1", "unknown optimizer 'sgdd'");
  options = right;
  options.isa = "avx1024";
  EXPECT_HONE_ERROR(Network<float>(plain(), options), usage, "avx1024");
  EXPECT_HONE_ERROR(Network<float>(ModelSpec{{1, 4, 4}, {}, {"model.yaml", 3, 1}}, right), config, "model.yaml:3:1",
                    "no layers");
  ModelSpec narrow{{2, 10, 10}, {conv(4, 11)}, {}};
  EXPECT_HONE_ERROR(Network<float>(narrow, right), config, "model.yaml:1:1", "does not fit");
}

TEST(NetworkErrors, MoreMemoryThanTheMachineHas) {
  ModelSpec spec{{1, 4000, 4000}, {conv(2000, 1), layer("global_avg_pool"), dense(2)}, {}};
  EXPECT_HONE_ERROR(Network<float>(spec, test::small_options(spec.input, 512)), config, "the network needs",
                    "expected a smaller model or batch_size");
  ModelSpec wide{{1, 256, 256}, {dense(1 << 20), dense(2)}, {}};
  EXPECT_HONE_ERROR(Network<float>(wide, test::small_options(wide.input, 1)), config, "the network needs");
}

// ---- initial weights

TEST(InitialWeights, FollowTheirDistributions) {
  const ModelSpec spec{{8, 6, 6},
                       {conv(40, 3, {{"activation", std::string("relu")}}), layer("batch_norm"), dense(300, "tanh"),
                        dense(200, "relu"), dense(50)},
                       {}};
  Network<float> net(spec, test::small_options(spec.input, 4));
  net.initialize(7);
  const auto check = [&](const std::string& name, double variance, double bound) {
    double sum = 0, squares = 0, fourth = 0, largest = 0;
    const auto values = net.values(tensor_named(net, name));
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
      fourth += std::pow(value, 4);
      largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    const auto n = static_cast<double>(values.size());
    EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(variance / n)) << name;
    EXPECT_NEAR(squares / n / variance, 1, 5 * std::sqrt(2 / n)) << name;
    // Kurtosis: 3 of a normal, 9/5 of a uniform distribution.
    EXPECT_NEAR(fourth / n / (variance * variance), bound > 0 ? 1.8 : 3.0, 0.35) << name;
    if (bound > 0) {
      EXPECT_LE(largest, bound) << name;
      EXPECT_GT(largest, 0.99 * bound) << name;
    }
  };
  const auto he = [](double fan_in) { return 2 / fan_in; };
  const auto bound = [](double in, double out) { return std::sqrt(6 / (in + out)); };
  check("layers.0.weight", he(8 * 9), 0);
  check("layers.2.weight", 2.0 / (640 + 300), bound(640, 300));
  check("layers.3.weight", he(300), 0);
  check("layers.4.weight", 2.0 / (200 + 50), bound(200, 50));
  for (const TensorInfo& tensor : net.tensors())
    if (tensor.shape.size() == 1) {
      const bool ones = tensor.name == "layers.1.weight" || tensor.name == "layers.1.running_var";
      for (const float value : net.values(tensor)) ASSERT_EQ(value, ones ? 1 : 0) << tensor.name;
    }
}

TEST(InitialWeights, DependOnTheSeedOnly) {
  const NetworkOptions options = test::small_options(plain().input, 8, test::sgd(0.9));
  Network<float> a(plain(), options), b(plain(), options), c(plain(), options);
  a.initialize(1);
  b.initialize(1);
  c.initialize(2);
  const test::Images images(8, plain().input, kClasses, 1);
  Team team(1);
  b.train_step(images.batch(), 0.1, 0, 0, team);
  b.initialize(1);  // starts all over, optimizer state included
  const auto first = weights_of(a), again = weights_of(b), other = weights_of(c);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(same_bits(first[i], again[i]));
    EXPECT_NE(same_bits(first[i], other[i]), a.tensors()[i].decay) << a.tensors()[i].name << ": biases are zero";
  }
  for (const TensorInfo& tensor : b.optimizer_tensors())
    for (const float value : b.optimizer_values(tensor)) ASSERT_EQ(value, 0) << tensor.name;
}

// ---- dropout and decay

// Which inputs a dropout layer lets through, from the gradient of the dense layer behind it: that of weight [o][i] is
// the gradient of logit o times input i after dropout.
class Masks {
 public:
  explicit Masks(std::uint64_t seed, double rate = 0.3, std::int64_t batch = 1, bool second_layer = false)
      : spec_{{3, 20, 20}, {layer("dropout", {{"rate", rate}}), dense(kManyClasses)}, {}},
        images_(batch, spec_.input, kManyClasses, 1) {
    if (second_layer) spec_.layers.insert(spec_.layers.begin(), layer("dropout", {{"rate", 0.0}}));
    for (auto& pixel : images_.pixels) pixel = 192;  // an input of 1
    NetworkOptions options = test::small_options(spec_.input, batch);
    options.seed = seed;
    net_ = std::make_unique<Network<float>>(spec_, options);
    net_->initialize(0);
    for (float& weight : net_->values(net_->tensors()[0])) weight = 0;
    for (auto& label : images_.labels) label = 1;
  }

  // Of one image: input i after dropout, for all i.
  std::vector<float> values(std::uint32_t id, std::uint64_t epoch, std::uint64_t step = 0) {
    const auto gradients = gradient({id}, epoch, step);
    const TensorInfo& bias = net_->tensors()[1];
    std::vector<float> values;
    for (const float g : gradients) values.push_back(g / net_->gradient(bias)[0]);
    return values;
  }

  // Of the weights of the first logit.
  std::vector<float> gradient(const std::vector<std::uint32_t>& ids, std::uint64_t epoch, std::uint64_t step = 0) {
    Team team(1);
    Batch batch = images_.batch();
    batch.ids = ids.data();
    net_->train_step(batch, 0, epoch, step, team);
    const auto all = std::as_const(*net_).gradient(net_->tensors()[0]);
    return {all.begin(), all.begin() + spec_.input.size()};
  }

 private:
  ModelSpec spec_;
  test::Images images_;
  std::unique_ptr<Network<float>> net_;
};

std::vector<bool> mask_of(const std::vector<float>& values) {
  std::vector<bool> mask;
  for (const float value : values) mask.push_back(value != 0);
  return mask;
}

TEST(Dropout, ScalesWhatStaysAndDropsTheShareThatIsAsked) {
  for (const double rate : {0.1, 0.5, 0.9}) {
    Masks masks(1, rate);
    double dropped = 0, all = 0;
    for (std::uint32_t id = 0; id < 50; ++id)
      for (const float value : masks.values(id, 0)) {
        ASSERT_NEAR(value, value == 0 ? 0 : 1 / (1 - rate), 1e-4);
        dropped += value == 0 ? 1 : 0;
        ++all;
      }
    EXPECT_NEAR(dropped / all, rate, 5 * std::sqrt(rate * (1 - rate) / all)) << rate;
  }
}

TEST(Dropout, DependsOnSeedEpochImageAndLayerOnly) {
  Masks masks(1), same(1), other_seed(2), other_layer(1, 0.3, 1, true);
  const auto mask = mask_of(masks.values(7, 3));
  EXPECT_EQ(mask_of(masks.values(7, 3, 99)), mask) << "another step of the epoch, as after a resume";
  EXPECT_EQ(mask_of(same.values(7, 3)), mask);
  // Masks that have nothing to do with each other agree at 0.7^2 + 0.3^2 of the places.
  const auto expect_unrelated = [&](const std::vector<bool>& other, const char* what) {
    double agree = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) agree += mask[i] == other[i] ? 1 : 0;
    EXPECT_NEAR(agree / static_cast<double>(mask.size()), 0.58, 0.08) << what;
  };
  expect_unrelated(mask_of(masks.values(8, 3)), "image");
  expect_unrelated(mask_of(masks.values(7, 4)), "epoch");
  expect_unrelated(mask_of(other_seed.values(7, 3)), "seed");
  expect_unrelated(mask_of(other_layer.values(7, 3)), "layer");
}

TEST(Dropout, DoesNotDependOnTheImagesPlace) {
  // With all weights zero every image has the same gradient: that of a weight counts the images that keep its input.
  constexpr std::uint32_t kBatch = 40;
  Masks together(1, 0.3, kBatch), alone(1, 0.3, 1);
  std::vector<std::uint32_t> ids;
  for (std::uint32_t i = 0; i < kBatch; ++i) ids.push_back(1000 + 3 * (i * 7 % kBatch));
  std::vector<float> counts;
  for (const std::uint32_t id : ids) {
    const auto mask = mask_of(alone.values(id, 2));
    counts.resize(mask.size());
    for (std::size_t i = 0; i < mask.size(); ++i) counts[i] += mask[i] ? 1.0f : 0.0f;
  }
  const auto sums = together.gradient(ids, 2);
  // An image's share of a gradient: softmax of five equal logits, the mean over the batch, what dropout scales by.
  const float share = 0.2f / static_cast<float>(kBatch) / 0.7f;
  for (std::size_t i = 0; i < counts.size(); ++i) ASSERT_NEAR(sums[i] / share, counts[i], 1e-3) << i;
}

TEST(WeightDecay, PullsOnWeightsOnly) {
  // One step of SGD: w - rate * (gradient + decay * w).
  const ModelSpec spec = rich();
  const test::Images images(11, spec.input, kClasses, 1);
  constexpr double kDecay = 0.25, kRate = 0.5;
  Network<double> net(spec, test::small_options(spec.input, 11, test::sgd(0, false, kDecay)));
  net.initialize(3);
  for (const TensorInfo& tensor : net.tensors())
    if (tensor.trainable)
      for (double& value : net.values(tensor)) value += 0.5;  // biases away from zero
  const auto before = weights_of(net);
  Team team(1);
  net.train_step(images.batch(), kRate, 0, 0, team);
  std::size_t i = 0;
  for (const TensorInfo& tensor : net.tensors()) {
    const auto& old = before[i++];
    if (!tensor.trainable) continue;
    const bool decays = tensor.shape.size() > 1;
    const auto gradient = std::as_const(net).gradient(tensor), now = std::as_const(net).values(tensor);
    for (std::size_t j = 0; j < old.size(); ++j)
      ASSERT_NEAR(now[j], old[j] - kRate * (gradient[j] + (decays ? kDecay * old[j] : 0)), 1e-12) << tensor.name;
  }
}

TEST(ClipGradients, BoundsTheGlobalNorm) {
  const ModelSpec spec = plain();
  const test::Images images(11, spec.input, kClasses, 1);
  for (const double most : {0.05, 1e6}) {
    NetworkOptions options = test::small_options(spec.input, 11);
    options.clip_gradients = most;
    Network<double> net(spec, options);
    net.initialize(3);
    const auto before = weights_of(net);
    Team team(2);
    net.train_step(images.batch(), 1, 0, 0, team);
    const auto after = weights_of(net);
    double moved = 0, norm = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      for (std::size_t j = 0; j < before[i].size(); ++j) {
        moved += std::pow(after[i][j] - before[i][j], 2);
        norm += std::pow(std::as_const(net).gradient(net.tensors()[i])[j], 2);
      }
    EXPECT_GT(std::sqrt(norm), 0.05);
    EXPECT_NEAR(std::sqrt(moved), std::min(most, std::sqrt(norm)), 1e-9) << most;
  }
}

}  // namespace
}  // namespace hone
