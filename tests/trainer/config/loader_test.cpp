#include "trainer/config/loader.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/trainer/config/config_text.hpp"

namespace hone::test {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "hone-config-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return (path / name).string();
  }
  fs::path path;
};

std::string load_error(const std::string& path) {
  try {
    load_config(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config);
    return error.what();
  }
  return "";
}

// The example of the documentation, with what each line means.
TEST(Loader, ReadsEveryKey) {
  const Config c = parse(R"(name: lenet
seed: 7
data:
  dataset: mnist
  validation: 0.2
  limit: {train: 6000, test: 1000}
  normalize: unit
  skip_unreadable: true
  augment: [{flip: horizontal}, {crop: {padding: 4}}]
model:
  input: [1, 28, 27]
  layers:
    - conv: {filters: 20, kernel: [5, 3], stride: 2, padding: same, groups: 2, batch_norm: true, activation: relu}
    - max_pool: 2
    - residual: {layers: [{conv: {filters: 20, kernel: 1}}, relu], shortcut: projection}
    - repeat: {times: 2, layers: [relu:, {tanh: {}}]}
    - dropout: 0.25
    - global_avg_pool
    - dense: 10
train:
  epochs: 5
  batch_size: 32
  optimizer: {sgd: {learning_rate: 0.02, momentum: 0.8, nesterov: true, weight_decay: 0.0005}}
  schedule: {cosine: {warmup_epochs: 1}}
  label_smoothing: 0.1
  clip_gradients: 2
  early_stop: {patience: 4}
  checkpoint: {every_seconds: 0.25, keep: 3}
  precision: strict
  on_divergence: {retry: 1, scale_learning_rate: 0.5}
target: {metric: accuracy, at_least: 0.9}
tweak:
  trials: 5
  minutes: 1.5
  allow: [width, epochs]
  limits: {parameters: 1000, macs: 2000}
)");
  EXPECT_EQ(c.name, "lenet");
  EXPECT_EQ(c.seed, 7);
  EXPECT_EQ(c.data.dataset, "mnist");
  EXPECT_EQ(c.data.validation, 0.2);
  EXPECT_EQ(c.data.limit.train, 6000);
  EXPECT_EQ(c.data.limit.test, 1000);
  EXPECT_EQ(c.data.normalize, "unit");
  EXPECT_TRUE(c.data.skip_unreadable);
  ASSERT_EQ(c.data.augment.size(), 2U);
  EXPECT_EQ(c.data.augment[1].type, "crop");
  EXPECT_EQ(to_string(c.data.where), "c.yaml:4:12");

  EXPECT_EQ(c.model.input, (Shape{1, 28, 27}));
  ASSERT_EQ(c.model.layers.size(), 7U);
  const Component& conv = c.model.layers[0];
  EXPECT_EQ(conv.pair("kernel"), (Pair{5, 3}));
  EXPECT_EQ(conv.pair("stride"), (Pair{2, 2}));
  EXPECT_EQ(conv.choice("padding"), "same");
  EXPECT_EQ(conv.pair("dilation"), (Pair{1, 1}));
  EXPECT_EQ(conv.integer("groups"), 2);
  EXPECT_FALSE(conv.boolean("bias"));
  EXPECT_EQ(to_string(conv.where), "c.yaml:13:7");
  EXPECT_EQ(c.model.layers[1].pair("stride"), (Pair{2, 2}));
  EXPECT_EQ(c.model.layers[2].choice("shortcut"), "projection");
  EXPECT_TRUE(c.model.layers[2].layers[0].boolean("bias"));
  EXPECT_EQ(c.model.layers[3].integer("times"), 2);
  EXPECT_EQ(c.model.layers[3].layers[1].type, "tanh");
  EXPECT_EQ(c.model.layers[4].real("rate"), 0.25);
  EXPECT_EQ(c.model.layers[5].type, "global_avg_pool");
  EXPECT_EQ(c.model.layers[6].integer("units"), 10);
  EXPECT_TRUE(c.model.layers[6].boolean("bias"));

  EXPECT_EQ(c.train.epochs, 5);
  EXPECT_EQ(c.train.batch_size, 32);
  EXPECT_EQ(c.train.optimizer.real("weight_decay"), 0.0005);
  EXPECT_EQ(c.train.schedule.real("warmup_epochs"), 1);
  EXPECT_EQ(c.train.schedule.real("min_learning_rate"), 0);
  EXPECT_EQ(c.train.label_smoothing, 0.1);
  EXPECT_EQ(c.train.clip_gradients, 2);
  EXPECT_EQ(c.train.early_stop.value().patience, 4);
  EXPECT_EQ(c.train.checkpoint.every_seconds, 0.25);
  EXPECT_EQ(c.train.checkpoint.keep, 3);
  EXPECT_EQ(c.train.precision, "strict");
  EXPECT_EQ(c.train.on_divergence.retry, 1);
  EXPECT_EQ(c.train.on_divergence.scale_learning_rate, 0.5);
  EXPECT_EQ(c.target.at_least, 0.9);
  EXPECT_EQ(c.tweak.trials, 5);
  EXPECT_EQ(c.tweak.minutes, 1.5);
  EXPECT_EQ(c.tweak.allow, (std::vector<std::string>{"width", "epochs"}));
  EXPECT_EQ(c.tweak.limits.parameters, 1000);
  EXPECT_EQ(c.tweak.limits.macs, 2000);
}

TEST(Loader, FillsInDefaults) {
  const Config c = parse(kSmall);
  EXPECT_EQ(c.name, "c");
  EXPECT_EQ(c.seed, 42);
  EXPECT_EQ(c.data.validation, 0.1);
  EXPECT_FALSE(c.data.limit.train.has_value());
  EXPECT_EQ(c.data.normalize, "standard");
  EXPECT_TRUE(c.data.augment.empty());
  EXPECT_FALSE(c.has_input());
  EXPECT_EQ(c.model.layers[0].choice("padding"), "valid");
  EXPECT_EQ(c.train.epochs, 10);
  EXPECT_EQ(c.train.batch_size, 64);
  EXPECT_EQ(c.train.optimizer.type, "sgd");
  EXPECT_EQ(c.train.optimizer.real("momentum"), 0.9);
  EXPECT_EQ(c.train.schedule.type, "constant");
  EXPECT_FALSE(c.train.early_stop.has_value());
  EXPECT_EQ(c.train.checkpoint.every_seconds, 30);
  EXPECT_EQ(c.train.on_divergence.scale_learning_rate, 0.3);
  EXPECT_EQ(c.target.at_least, 0.8);
  EXPECT_EQ(c.tweak.allow.size(), 13U);
  EXPECT_EQ(c.tweak.limits.macs, 100000000);
}

TEST(Loader, EmptySectionsAndNullsAreDefaults) {
  const Config c = parse(std::string(kSmall) + "train:\n  early_stop: null\n  checkpoint:\ntweak: {}\n");
  EXPECT_FALSE(c.train.early_stop.has_value());
  EXPECT_EQ(c.train.checkpoint.keep, 2);
}

TEST(Loader, TakesAByteOrderMarkAndWindowsLines) {
  EXPECT_EQ(parse("\xEF\xBB\xBF"
                  "data: {dataset: mnist}\r\nmodel:\r\n  layers: [{dense: 10}]\r\n")
                .data.dataset,
            "mnist");
  EXPECT_EQ(error_of("data: {dataset: mnist}\r\nmodel:\r\n  layers: 3\r\n"),
            "c.yaml:3:11: model.layers is 3; expected a list of layers");
}

TEST(Loader, BiasAndStrideFollowOtherOptions) {
  const auto layer = [](const std::string& text) {
    return parse("data: {dataset: mnist}\nmodel: {layers: [" + text + "]}").model.layers[0];
  };
  EXPECT_TRUE(layer("{conv: {filters: 1, kernel: 1}}").boolean("bias"));
  EXPECT_FALSE(layer("{conv: {filters: 1, kernel: 1, batch_norm: true}}").boolean("bias"));
  EXPECT_TRUE(layer("{conv: {filters: 1, kernel: 1, batch_norm: true, bias: true}}").boolean("bias"));
  EXPECT_FALSE(layer("{conv: {filters: 1, kernel: 1, bias: false}}").boolean("bias"));
  EXPECT_EQ(layer("{avg_pool: [2, 3]}").pair("stride"), (Pair{2, 3}));
  EXPECT_EQ(layer("{avg_pool: {size: 3, stride: 2}}").pair("stride"), (Pair{2, 2}));
}

TEST(Loader, FilesThatCannotBeRead) {
  const Folder folder;
  const std::string missing = (folder.path / "no.yaml").string();
  EXPECT_EQ(load_error(missing), missing + ": cannot be read (No such file or directory); expected a config file");
  EXPECT_EQ(load_error(folder.path.string()), folder.path.string() + ": a folder; expected a config file");
  const std::string large = folder.write("large.yaml", std::string(3 << 20, '#'));
  EXPECT_EQ(load_error(large), large + ": larger than 1 MiB; expected at most 1 MiB");
  EXPECT_EQ(load_error("/dev/zero"), "/dev/zero: larger than 1 MiB; expected at most 1 MiB");
}

const std::string kFiles = "data: {format: idx, path: images}\nmodel: {layers: [{dense: 10}]}\n";

TEST(Loader, PathsAreRelativeToTheFile) {
  const Folder folder;
  const std::string file = folder.write("net.yaml", kFiles);
  EXPECT_EQ(load_config(file).data.path, (folder.path / "images").string());
  EXPECT_EQ(load_config(file).name, "net");
  EXPECT_EQ(load_config(file, std::vector<std::string>{"data.path=/a/../b/c"}).data.path, "/b/c");
  EXPECT_EQ(load_config(file).source, kFiles);
}

TEST(Loader, RefusesPathsOutsideOfTheDataRoot) {
  const Folder folder;
  fs::create_directories(folder.path / "root" / "images");
  fs::create_directories(folder.path / "root2");
  fs::create_directory_symlink("/", folder.path / "root" / "away");
  const std::string file = folder.write("net.yaml", kFiles);
  const std::string root = (folder.path / "root").string();
  const auto error = [&](const std::string& path) {
    try {
      load_config(file, std::vector<std::string>{"data.path=" + path});
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::config);
      return std::string(e.what());
    }
    return std::string();
  };
  ::setenv("HONE_DATA_ROOT", root.c_str(), 1);
  EXPECT_EQ(error("root/images"), "");
  EXPECT_EQ(error("root"), "");
  EXPECT_EQ(error("root/not/there"), "");
  EXPECT_EQ(error("root/../root/images"), "");
  EXPECT_NE(error("root/../root2").find("is outside of HONE_DATA_ROOT; expected a path below"), std::string::npos);
  EXPECT_NE(error("root2").find("is outside of HONE_DATA_ROOT"), std::string::npos);
  EXPECT_NE(error("/").find("is outside of HONE_DATA_ROOT"), std::string::npos);
  EXPECT_NE(error("root/away/etc").find("is outside of HONE_DATA_ROOT"), std::string::npos);
  ::setenv("HONE_DATA_ROOT", (root + "-none").c_str(), 1);
  EXPECT_NE(error("root").find("which is not there; expected a folder"), std::string::npos);
  ::unsetenv("HONE_DATA_ROOT");
  EXPECT_EQ(error("/"), "");
}

}  // namespace
}  // namespace hone::test
