// --set
#include "tests/trainer/config/config_text.hpp"

namespace hone::test {
namespace {

TEST(Set, ChangesWhatIsThere) {
  EXPECT_EQ(parse(std::string(kSmall) + "train: {epochs: 3}\n", {"train.epochs=7"}).train.epochs, 7);
  EXPECT_EQ(parse(kSmall, {"data.dataset=cifar10"}).data.dataset, "cifar10");
  EXPECT_EQ(parse(kSmall, {"train.epochs=7", "train.epochs=8"}).train.epochs, 8);
}

TEST(Set, CreatesMapsThatAreMissing) {
  EXPECT_EQ(parse(kSmall, {"train.checkpoint.every_seconds=0.5"}).train.checkpoint.every_seconds, 0.5);
  EXPECT_EQ(parse(kSmall, {"train.optimizer.adam.learning_rate=0.02"}).train.optimizer.real("learning_rate"), 0.02);
}

TEST(Set, TakesYamlValues) {
  EXPECT_EQ(parse(kSmall, {"train={epochs: 2, batch_size: 5}"}).train.batch_size, 5);
  EXPECT_EQ(parse(kSmall, {"model.layers=[relu, {dense: 3}]"}).model.layers.size(), 2U);
  EXPECT_EQ(parse(kSmall, {"name=a=b"}).name, "a=b");
  EXPECT_TRUE(parse(kSmall, {"train.early_stop.patience=4"}).train.early_stop.has_value());
  EXPECT_FALSE(parse(kSmall, {"train.early_stop.patience=4", "train.early_stop=null"}).train.early_stop.has_value());
}

TEST(Set, ReachesIntoListsAndShorthands) {
  EXPECT_EQ(parse(kSmall, {"model.layers.0.conv.filters=32"}).model.layers[0].integer("filters"), 32);
  EXPECT_EQ(parse(kSmall, {"model.layers.2.dense=7"}).model.layers[2].integer("units"), 7);
  const Component dense = parse(kSmall, {"model.layers.2.dense.activation=relu"}).model.layers[2];
  EXPECT_EQ(dense.integer("units"), 10);
  EXPECT_EQ(dense.choice("activation"), "relu");
  EXPECT_EQ(parse(kSmall, {"model.layers.1=tanh"}).model.layers[1].type, "tanh");
  EXPECT_EQ(parse(kSmall, {"model.layers.1=dropout", "model.layers.1.dropout.rate=0.1"}).model.layers[1].real("rate"),
            0.1);

  const std::string pools =
      "data: {dataset: mnist}\nmodel: {layers: [{max_pool: [2, 3]}, {dense: 10}]}\n"
      "train: {optimizer: adam}\n";
  const Component pool = parse(pools, {"model.layers.0.max_pool.stride=1"}).model.layers[0];
  EXPECT_EQ(pool.pair("size"), (Pair{2, 3}));
  EXPECT_EQ(pool.pair("stride"), (Pair{1, 1}));
  EXPECT_EQ(parse(pools, {"model.layers.0.max_pool.1=5"}).model.layers[0].pair("size"), (Pair{2, 5}));
  EXPECT_EQ(parse(pools, {"train.optimizer.adam.beta1=0.8"}).train.optimizer.real("beta1"), 0.8);

  const std::string nested =
      "data: {dataset: mnist}\nmodel: {layers: [{repeat: {times: 2, layers: [{residual: {layers: "
      "[{conv: {filters: 4, kernel: 3}}]}}]}}]}\n";
  const Config changed = parse(
      nested, {"model.layers.0.repeat.layers.0.residual.layers.0.conv.filters=6", "model.layers.0.repeat.times=3"});
  EXPECT_EQ(changed.model.layers[0].layers[0].layers[0].integer("filters"), 6);
  EXPECT_EQ(changed.model.layers[0].integer("times"), 3);
}

TEST(Set, KeepsTheFilesBytesAsSource) { EXPECT_EQ(parse(kSmall, {"seed=1"}).source, kSmall); }

TEST(Set, ErrorsNameTheKey) {
  const auto error = [](const std::string& assignment) { return error_of(kSmall, {assignment}); };
  EXPECT_EQ(error("train.epochs=0"), "--set train.epochs: train.epochs is 0; expected an integer from 1 to 100000");
  EXPECT_EQ(error("train.epochs="), "--set train.epochs: train.epochs is empty; expected an integer from 1 to 100000");
  EXPECT_EQ(error("train.epochs"), "--set train.epochs: no value; expected KEY=VALUE");
  EXPECT_EQ(error("=3"), "--set : the key has an empty part; expected KEY=VALUE, KEY like train.epochs");
  EXPECT_EQ(error("train..epochs=3"),
            "--set train..epochs: the key has an empty part; expected KEY=VALUE, KEY like train.epochs");
  EXPECT_EQ(error("train.epoch=3").substr(0, 59), "--set train.epoch: unknown key 'epoch' in train; expected o");
  EXPECT_NE(error("train.epoch=3").find("; did you mean 'epochs'?"), std::string::npos);
  EXPECT_EQ(error("model.layers.3.conv.filters=8"),
            "--set model.layers.3.conv.filters: '3' is no item of the list; expected an index from 0 to 2");
  EXPECT_EQ(error("model.layers.x.conv.filters=8"),
            "--set model.layers.x.conv.filters: 'x' is no item of the list; expected an index from 0 to 2");
  EXPECT_EQ(error("model.layers.99999999999999999999=relu"),
            "--set model.layers.99999999999999999999: '99999999999999999999' is no item of the list; expected an index "
            "from 0 to 2");
  EXPECT_EQ(error("data.dataset.name=3"), "--set data.dataset.name: data.dataset is 'mnist'; expected a map or a list");
  EXPECT_EQ(error("model.layers.0.filters=8"),
            "--set model.layers.0.filters: 'filters' stands beside 'conv'; expected one name for a layer: indent its "
            "options below it");
  EXPECT_EQ(error("model.layers.1.relu.slope=8"),
            "--set model.layers.1.relu.slope: unknown key 'slope' in relu; relu takes no options");
  EXPECT_EQ(error("train=[1"), "--set train: a list or map as a key, or a bracket that is not closed; expected a name");
  EXPECT_EQ(error("train={epochs: 1, epochs: 2}"), "--set train: duplicate key 'epochs'; expected it once");
  EXPECT_EQ(error("seed=!!int 3"), "--set seed: a tag; expected the value alone, without '!'");
  EXPECT_EQ(error("seed=\x01"), "--set seed: a control character (byte 1); expected UTF-8 text");
  EXPECT_EQ(error("a\x1b[31m=1").substr(0, 16), "--set a\\x1b[31m:");
  std::string deep = "a";
  for (int i = 0; i < 40; ++i) deep += ".a";
  EXPECT_NE(error(deep + "=1").find("nested more than 32 deep"), std::string::npos);
  EXPECT_NE(error("train.a=" + std::string(31, '[') + std::string(31, ']')).find("nested more than 32 deep"),
            std::string::npos);
}

}  // namespace
}  // namespace hone::test
