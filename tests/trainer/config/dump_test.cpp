#include "trainer/config/dump.hpp"

#include <cmath>
#include <random>

#include "tests/trainer/config/config_text.hpp"
#include "trainer/config/option.hpp"

namespace hone::test {
namespace {

const std::string kLarge = R"(name: 'yes'
data:
  format: idx
  path: "/a b/\u00fc\"\\"
  augment: [{flip: horizontal}]
model:
  input: [3, 32, 32]
  layers:
    - repeat:
        times: 2
        layers:
          - residual: {layers: [{conv: {filters: 3, kernel: [1, 3], padding: [0, 1]}}, relu]}
          - tanh
    - max_pool: {size: 3, stride: 2, padding: 1}
    - dense: 10
train:
  optimizer: {adamw: {eps: 1.0e-7}}
  schedule: {one_cycle: 0.1234567890123456}
  early_stop: {patience: 2}
tweak: {allow: []}
)";

bool same(const Component& a, const Component& b) {
  if (a.type != b.type || a.options != b.options || a.layers.size() != b.layers.size()) return false;
  for (std::size_t i = 0; i < a.layers.size(); ++i)
    if (!same(a.layers[i], b.layers[i])) return false;
  return true;
}

void expect_same(const std::vector<Component>& a, const std::vector<Component>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same(a[i], b[i])) << a[i].type;
}

// Field by field, not by the text that is under test.
void expect_same(const Config& a, const Config& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.data.dataset, b.data.dataset);
  EXPECT_EQ(a.data.format, b.data.format);
  EXPECT_EQ(a.data.path, b.data.path);
  EXPECT_EQ(a.data.validation, b.data.validation);
  EXPECT_EQ(a.data.limit.train, b.data.limit.train);
  EXPECT_EQ(a.data.limit.test, b.data.limit.test);
  EXPECT_EQ(a.data.normalize, b.data.normalize);
  EXPECT_EQ(a.data.skip_unreadable, b.data.skip_unreadable);
  expect_same(a.data.augment, b.data.augment);
  EXPECT_EQ(a.model.input, b.model.input);
  expect_same(a.model.layers, b.model.layers);
  EXPECT_EQ(a.train.epochs, b.train.epochs);
  EXPECT_EQ(a.train.batch_size, b.train.batch_size);
  EXPECT_TRUE(same(a.train.optimizer, b.train.optimizer));
  EXPECT_TRUE(same(a.train.schedule, b.train.schedule));
  EXPECT_EQ(a.train.label_smoothing, b.train.label_smoothing);
  EXPECT_EQ(a.train.clip_gradients, b.train.clip_gradients);
  ASSERT_EQ(a.train.early_stop.has_value(), b.train.early_stop.has_value());
  if (a.train.early_stop) {
    EXPECT_EQ(a.train.early_stop->patience, b.train.early_stop->patience);
  }
  EXPECT_EQ(a.train.checkpoint.every_seconds, b.train.checkpoint.every_seconds);
  EXPECT_EQ(a.train.checkpoint.keep, b.train.checkpoint.keep);
  EXPECT_EQ(a.train.precision, b.train.precision);
  EXPECT_EQ(a.train.on_divergence.retry, b.train.on_divergence.retry);
  EXPECT_EQ(a.train.on_divergence.scale_learning_rate, b.train.on_divergence.scale_learning_rate);
  EXPECT_EQ(a.target.metric, b.target.metric);
  EXPECT_EQ(a.target.at_least, b.target.at_least);
  EXPECT_EQ(a.tweak.trials, b.tweak.trials);
  EXPECT_EQ(a.tweak.minutes, b.tweak.minutes);
  EXPECT_EQ(a.tweak.allow, b.tweak.allow);
  EXPECT_EQ(a.tweak.limits.parameters, b.tweak.limits.parameters);
  EXPECT_EQ(a.tweak.limits.macs, b.tweak.limits.macs);
}

TEST(Dump, WritesEveryDefault) {
  EXPECT_EQ(to_yaml(parse(std::string(kSmall) + "train: {optimizer: {sgd: {learning_rate: 0.1}}}")), R"(name: c
seed: 42
data:
  dataset: mnist
  validation: 0.1
  limit: {train: null, test: null}
  normalize: standard
  skip_unreadable: false
  augment: []
model:
  input: null
  layers:
    - conv: {filters: 8, kernel: 3, stride: 1, padding: valid, dilation: 1, groups: 1, bias: true, batch_norm: false, activation: none}
    - relu
    - dense: {units: 10, bias: true, batch_norm: false, activation: none}
train:
  epochs: 10
  batch_size: 64
  optimizer: {sgd: {learning_rate: 0.1, momentum: 0, nesterov: false, weight_decay: 0}}
  schedule: constant
  label_smoothing: 0
  clip_gradients: 0
  early_stop: null
  checkpoint: {every_seconds: 30, keep: 2}
  precision: fast
  on_divergence: {retry: 2, scale_learning_rate: 0.3}
target:
  metric: accuracy
  at_least: 0.8
tweak:
  trials: 20
  minutes: 30
  allow: [depth, width, kernel, pool, dense, epochs, learning_rate, schedule, optimizer, batch_size, batch_norm, regularization, augment]
  limits: {parameters: 5000000, macs: 100000000}
)");
}

TEST(Dump, ReadsBackAsTheSame) {
  for (const std::string& text : {std::string(kSmall), kLarge}) {
    const Config config = parse(text);
    const std::string dumped = to_yaml(config);
    const Config again = parse_config(dumped, "elsewhere/other.yaml");
    expect_same(config, again);
    EXPECT_EQ(to_yaml(again), dumped);
    EXPECT_TRUE(differences(config, again).empty());
  }
}

TEST(Dump, NumbersAreTheShortestThatReadBack) {
  EXPECT_EQ(yaml_text(0.1), "0.1");
  EXPECT_EQ(yaml_text(30.0), "30");
  EXPECT_EQ(yaml_text(1e-8), "1.0e-08");
  EXPECT_EQ(yaml_text(1.5e300), "1.5e+300");
  EXPECT_EQ(yaml_text(0.0001), "0.0001");
  EXPECT_EQ(yaml_text(1e6), "1000000");
  EXPECT_EQ(yaml_text(0.0), "0");
  EXPECT_EQ(yaml_text(1.0 / 3), "0.3333333333333333");
  std::mt19937_64 random(1);
  const OptionSpec spec{
      .name = "x", .kind = OptionKind::real, .fallback = "", .doc = "", .minimum = 0, .maximum = 1e300};
  for (int i = 0; i < 1000; ++i) {
    const double value = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 1000) - 500);
    const YamlNode node = parse_yaml(yaml_text(value), "x");
    EXPECT_EQ(std::get<double>(read_option(node, spec, "x")), value);
  }
}

TEST(Dump, TextsThatAnotherYamlReaderWouldTakeForSomethingElseAreQuoted) {
  for (const char* text : {"yes", "No", "null", "true", "12", "1e3", "~", "a: b", "- a", "x y", "*a", "\"", "\\", ""}) {
    const std::string written = yaml_text(std::string_view(text));
    EXPECT_EQ(written[0], '"') << text;
    EXPECT_EQ(parse_yaml(written, "x").text, text);
  }
  EXPECT_EQ(yaml_text(std::string_view("/data/mnist-2.x")), "/data/mnist-2.x");
}

std::vector<std::string> lines(const std::vector<Difference>& all) {
  std::vector<std::string> text;
  for (const Difference& one : all) text.push_back(one.line() + (one.may_change_on_resume ? " (may)" : ""));
  return text;
}

std::vector<std::string> changed(const std::vector<std::string>& sets) {
  const std::string text = std::string(kSmall) + "train: {epochs: 5}\n";
  return lines(differences(parse(text), parse(text, sets)));
}

TEST(Differences, NameKeysAndValues) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(changed({}), Lines{});
  EXPECT_EQ(changed({"train.batch_size=32"}), Lines{"train.batch_size: 64 -> 32"});
  EXPECT_EQ(changed({"model.layers.0.conv.filters=9"}), Lines{"model.layers.0.conv.filters: 8 -> 9"});
  EXPECT_EQ(changed({"model.layers.0.conv.kernel=[3, 5]"}), Lines{"model.layers.0.conv.kernel: 3 -> [3, 5]"});
  EXPECT_EQ(changed({"model.layers.1=tanh"}), Lines{"model.layers.1: relu -> tanh"});
  EXPECT_EQ(changed({"data.limit.train=100"}), Lines{"data.limit.train: null -> 100"});
  EXPECT_EQ(changed({"train.early_stop={patience: 2}"}), Lines{"train.early_stop: null -> {patience: 2}"});
  EXPECT_EQ(changed({"train.schedule={cosine: {warmup_epochs: 1}}"}),
            Lines{"train.schedule: constant -> {cosine: {warmup_epochs: 1, min_learning_rate: 0}}"});
  EXPECT_EQ(changed({"model.input=[1, 28, 28]"}), Lines{"model.input: null -> [1, 28, 28]"});
  EXPECT_EQ(
      changed({"model.layers=[relu]"}),
      (Lines{"model.layers.0: {conv: {filters: 8, kernel: 3, stride: 1, padding: valid, dilation: 1, groups: 1, "
             "bias: true, batch_norm: false, activation: none}} -> relu",
             "model.layers.1: relu -> nothing",
             "model.layers.2: {dense: {units: 10, bias: true, batch_norm: false, activation: none}} -> nothing"}));
}

TEST(Differences, TellWhatMayChangeOnResume) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(changed({"train.epochs=6"}), Lines{"train.epochs: 5 -> 6 (may)"});
  EXPECT_EQ(changed({"train.epochs=4"}), Lines{"train.epochs: 5 -> 4"});
  EXPECT_EQ(changed({"target.at_least=0.9"}), Lines{"target.at_least: 0.8 -> 0.9 (may)"});
  EXPECT_EQ(changed({"train.checkpoint.keep=5"}), Lines{"train.checkpoint.keep: 2 -> 5 (may)"});
  EXPECT_EQ(changed({"tweak.limits.macs=5", "tweak.allow=[]"}),
            (Lines{"tweak.allow: [depth, width, kernel, pool, dense, epochs, learning_rate, schedule, optimizer, "
                   "batch_size, batch_norm, regularization, augment] -> [] (may)",
                   "tweak.limits.macs: 100000000 -> 5 (may)"}));
  EXPECT_EQ(changed({"seed=1"}), Lines{"seed: 42 -> 1"});
}

}  // namespace
}  // namespace hone::test
