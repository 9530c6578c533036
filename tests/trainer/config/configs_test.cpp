// The configs that ship, and the JSON schema against another reader of YAML and another validator.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/trainer/config/config_text.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/json_schema.hpp"

namespace hone::test {
namespace {

namespace fs = std::filesystem;

// trainer/configs, from wherever below the source tree the test runs.
fs::path shipped() {
  for (fs::path folder = fs::canonical("/proc/self/exe"); folder != folder.root_path(); folder = folder.parent_path())
    if (fs::exists(folder.parent_path() / "trainer/configs/mnist_lenet.yaml"))
      return folder.parent_path() / "trainer/configs";
  throw std::runtime_error("no trainer/configs above the test program");
}

TEST(Shipped, EveryConfigIsRight) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(shipped())) {
    if (entry.path().extension() != ".yaml") continue;
    const Config config = load_config(entry.path().string());
    EXPECT_EQ(config.name, entry.path().stem().string());
    EXPECT_TRUE(config.has_input()) << config.name;
    EXPECT_EQ(to_yaml(parse_config(to_yaml(config), "x.yaml")), to_yaml(config));
    ++count;
  }
  EXPECT_GE(count, 4);
}

int count(const std::vector<Component>& layers, std::string_view type) {
  int found = 0;
  for (const Component& layer : layers)
    found += (layer.type == type ? 1 : 0) +
             static_cast<int>(layer.has("times") ? layer.integer("times") : 1) * count(layer.layers, type);
  return found;
}

TEST(Shipped, ResNet20Has20WeightedLayers) {
  const Config config = load_config((shipped() / "cifar10_resnet20.yaml").string());
  EXPECT_EQ(count(config.model.layers, "conv") + count(config.model.layers, "dense"), 20);
  EXPECT_EQ(count(config.model.layers, "residual"), 9);
}

TEST(Schema, IsStrictAndComplete) {
  const auto schema = nlohmann::json::parse(json_schema());
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["else"]["required"], (nlohmann::json{"data", "model"}));
  EXPECT_EQ(schema["properties"]["program"]["required"], nlohmann::json{"command"});
  const auto& epochs = schema["properties"]["train"]["anyOf"][0]["properties"]["epochs"];
  EXPECT_EQ(epochs["default"], 10);
  EXPECT_EQ(epochs["minimum"], 1);
  EXPECT_EQ(epochs["maximum"], 100000);
  EXPECT_FALSE(epochs["description"].get<std::string>().empty());
  EXPECT_EQ(json_schema(), json_schema());
}

struct Case {
  const char* text;
  bool valid;
};

constexpr const char* kStart = "model: {layers: [{dense: 10}]}\n";
const Case kCases[] = {
    {"data: {dataset: mnist}", true},
    {"data: {format: idx, path: x}", true},
    {"data: {}", false},
    {"data: {format: idx}", false},
    {"data: {dataset: mnist, path: x}", false},
    {"data: {dataset: mnist, augment: [{flip: horizontal}, {crop: {padding: 4}}]}", true},
    {"data: {dataset: mnist, augment: [{flop: horizontal}]}", false},
    {"data: {dataset: mnist}\ntrain: {epochs: 0}", false},
    {"data: {dataset: mnist}\ntrain: {epoch: 3}", false},
    {"data: {dataset: mnist}\ntrain: {optimizer: adam, early_stop: null, checkpoint: }", true},
    {"data: {dataset: mnist}\ntrain: {optimizer: sgd}", false},
    {"data: {dataset: mnist}\ntrain: {schedule: {step: {every_epochs: 2, factor: 0.1}}}", true},
    {"data: {dataset: mnist}\ntrain: {schedule: {step: {every_epochs: 2}}}", false},
    {"data: {dataset: mnist}\ntarget: {at_least: 0}", false},
    {"data: {dataset: mnist}\ntweak: {allow: [width, width]}", false},
    {"data: {dataset: mnist}\nseed: three", false},
};
const Case kLayers[] = {
    {"relu", true},
    {"{relu: }", true},
    {"{relu: {}}", true},
    {"{relu: 3}", false},
    {"dense", false},
    {"{dense: {units: 3, activation: relu}}", true},
    {"{conv: {filters: 3, kernel: [3, 5], padding: same, bias: null}}", true},
    {"{conv: {filters: 3}}", false},
    {"{conv: 3}", false},
    {"{conv: {filters: 3, kernel: 3}, relu: {}}", false},
    {"{max_pool: [2, 2]}", true},
    {"{repeat: {times: 2, layers: [{residual: {layers: [relu]}}]}}", true},
    {"{repeat: {times: 2, layers: []}}", false},
    {"{repeat: {times: 2, layers: [rely]}}", false},
};

const Case kPrograms[] = {
    {"program: {command: [python3, train.py]}", true},
    {"program: {command: [x]}\nname: n\nseed: 3\ntarget: {at_least: 0.9}\ntweak: {trials: 3, minutes: 1.5}", true},
    {"program: {command: [x], parameters: }", true},
    {"program: {command: [x], dataset: mnist}", true},
    {"program: {command: [x], dataset: }", true},
    {"program: {command: [x], dataset: [mnist]}", false},
    {"program: {command: [x], parameters: {a: {type: int, low: -3, high: 4, log: false, default: 0}}}", true},
    {"program: {command: [x], parameters: {a.b-c_1: {type: real, low: 0.1, high: 4, log: true, default: null}}}", true},
    {"program: {command: [x], parameters: {a: {type: choice, values: [1, 2.5, true, relu], default: relu}}}", true},
    {"program: ", false},
    {"program: {}", false},
    {"program: {command: []}", false},
    {"program: {command: x}", false},
    {"program: {command: [[x]]}", false},
    {"program: {command: [x], parameter: {}}", false},
    {"program: {command: [x]}\ntrain: {epochs: 3}", false},
    {"program: {command: [x]}\ndata: {dataset: mnist}", false},
    {"program: {command: [x]}\nmodel: {layers: [relu]}", false},
    {"program: {command: [x]}\ntweak: {allow: [width]}", false},
    {"program: {command: [x], parameters: {1a: {type: int, low: 0, high: 4}}}", false},
    {"program: {command: [x], parameters: {a b: {type: int, low: 0, high: 4}}}", false},
    {"program: {command: [x], parameters: {a: {low: 0, high: 4}}}", false},
    {"program: {command: [x], parameters: {a: {type: float, low: 0, high: 4}}}", false},
    {"program: {command: [x], parameters: {a: {type: int, low: 0.5, high: 4}}}", false},
    {"program: {command: [x], parameters: {a: {type: int, high: 4}}}", false},
    {"program: {command: [x], parameters: {a: {type: int, low: 0, high: 4, values: [1]}}}", false},
    {"program: {command: [x], parameters: {a: {type: real, low: 0, high: 1.0e+16}}}", false},
    {"program: {command: [x], parameters: {a: {type: choice, values: []}}}", false},
    {"program: {command: [x], parameters: {a: {type: choice, values: [b, b]}}}", false},
    {"program: {command: [x], parameters: {a: {type: choice, values: [[b]]}}}", false},
    {"program: {command: [x], parameters: {a: {type: choice, values: [b], low: 1}}}", false},
};

// Whether a Python with the validator and a YAML reader is there, by whatever name.
std::string find_python() {
  for (const std::string python : {"python3", "/usr/bin/python3"})
    if (std::system((python + " -c 'import jsonschema, yaml' 2>/dev/null").c_str()) == 0) return python;
  return "";
}

constexpr const char* kCheck = R"(
import json, sys, yaml
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
wrong = 0
for case in json.load(open(sys.argv[2])):
    valid = Validator(schema).is_valid(yaml.safe_load(case["text"]))
    if valid != case["valid"]:
        wrong += 1
        print("valid" if valid else "invalid", "for the schema:", case["text"])
sys.exit(1 if wrong else 0)
)";

// The same configs are right for the loader and for the schema.
TEST(Schema, AgreesWithTheLoader) {
  nlohmann::json cases = nlohmann::json::array();
  const auto add = [&](const std::string& text, bool valid) {
    EXPECT_EQ(error_of(text).empty(), valid) << text << "\n" << error_of(text);
    cases.push_back({{"text", text}, {"valid", valid}});
  };
  for (const Case& one : kCases) add(std::string(kStart) + one.text, one.valid);
  for (const Case& one : kLayers)
    add("data: {dataset: mnist}\nmodel: {layers: [" + std::string(one.text) + "]}", one.valid);
  for (const Case& one : kPrograms) {
    EXPECT_EQ(program_error_of(one.text).empty(), one.valid) << one.text << "\n" << program_error_of(one.text);
    cases.push_back({{"text", one.text}, {"valid", one.valid}});
  }
  for (const auto& entry : fs::directory_iterator(shipped())) {
    if (entry.path().extension() != ".yaml") continue;
    const Config config = load_config(entry.path().string());
    add(config.source, true);
    add(to_yaml(config), true);
  }
  const std::string python = find_python();
  if (python.empty()) GTEST_SKIP() << "needs Debian's python3-jsonschema and python3-yaml";

  std::string folder = (fs::temp_directory_path() / "hone-schema-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/schema.json") << json_schema();
  std::ofstream(folder + "/cases.json") << cases.dump();
  std::ofstream(folder + "/check.py") << kCheck;
  const std::string command =
      python + " '" + folder + "/check.py' '" + folder + "/schema.json' '" + folder + "/cases.json'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace hone::test
