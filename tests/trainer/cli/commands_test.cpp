// The commands that look at models, runs and data.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/hone.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {
namespace {

using nlohmann::json;

// One trained run for all of them.
const SmallRun& trained() {
  static const SmallRun* small = [] {
    auto* made = new SmallRun("  epochs: 4\n");
    const ProcessResult result = run_hone(made->train("run"));
    EXPECT_EQ(result.code, 0) << result.err;
    return made;
  }();
  return *small;
}

std::string best() { return trained().out("run/best.safetensors"); }

TEST(Evaluate, AgreesWithTheRunAndWithItself) {
  const ProcessResult result = run_hone({"evaluate", best(), "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json object = json::parse(result.out);
  const Metrics metrics = read_metrics(trained().folder / "run/metrics.json");
  EXPECT_EQ(object["accuracy"].get<double>(), *metrics.accuracy);
  EXPECT_EQ(object["loss"].get<double>(), *metrics.loss);
  int diagonal = 0, all = 0;
  for (std::size_t right = 0; right < 4; ++right)
    for (std::size_t answer = 0; answer < 4; ++answer) {
      const int count = object["confusion"][right][answer].get<int>();
      all += count;
      diagonal += right == answer ? count : 0;
    }
  EXPECT_EQ(all, 100);
  EXPECT_DOUBLE_EQ(diagonal / 100.0, object["accuracy"].get<double>());
  ASSERT_TRUE(metrics.confusion);
  EXPECT_EQ(json(metrics.confusion->counts), object["confusion"]);
  EXPECT_EQ(metrics.confusion->labels, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(object["top"][0], object["accuracy"]);
  EXPECT_EQ(object["top"][3], 1.0);
}

TEST(Evaluate, TakesSplitsAndOtherData) {
  const ProcessResult validation = run_hone({"evaluate", best(), "--split", "validation", "--json"});
  ASSERT_EQ(validation.code, 0) << validation.err;
  const json object = json::parse(validation.out);
  EXPECT_EQ(object["images"], 60);
  EXPECT_EQ(object["accuracy"].get<double>(), *read_metrics(trained().folder / "run/metrics.json").validation_accuracy);
  const ProcessResult few = run_hone({"evaluate", best(), "--set", "data.limit.test=40", "--json"});
  EXPECT_EQ(json::parse(few.out)["images"], 40);
  EXPECT_EQ(run_hone({"evaluate", best(), "--config", trained().model()}).code, 0);
  EXPECT_EQ(run_hone({"evaluate", best(), "--split", "tset"}).code, 2);
  EXPECT_EQ(run_hone({"evaluate", trained().out("none.safetensors")}).code, 5);
}

TEST(Predict, GivesProbabilitiesOfPictureFiles) {
  // A picture as the data have them, of class 2.
  std::string pgm = "P5\n8 8\n255\n";
  for (int at = 0; at < 64; ++at) pgm += static_cast<char>(at / 8 == 2 ? 150 : 60);
  trained().folder.write("picture.pgm", pgm);
  const ProcessResult result = run_hone({"predict", best(), trained().out("picture.pgm"), "--top", "4", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json predictions = json::parse(result.out)["images"][0]["predictions"];
  ASSERT_EQ(predictions.size(), 4u);
  double sum = 0;
  for (const json& p : predictions) sum += p["probability"].get<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_EQ(predictions[0]["label"], "2");
  EXPECT_EQ(run_hone({"predict", best(), trained().out("model.yaml")}).code, 4);
  EXPECT_EQ(run_hone({"predict", best()}).code, 2);
}

TEST(Gate, ComparesWithTheTarget) {
  const std::string run = trained().out("run"), xml = trained().out("gate.xml");
  const double accuracy = *read_metrics(trained().folder / "run/metrics.json").accuracy;
  const ProcessResult met = run_hone({"gate", run, "--at-least", std::to_string(accuracy - 0.001), "--junit", xml});
  EXPECT_EQ(met.code, 0) << met.err;
  EXPECT_NE(met.out.find("95 %"), std::string::npos);
  EXPECT_NE(slurp(xml).find("failures=\"0\""), std::string::npos);
  const ProcessResult missed = run_hone({"gate", run, "--at-least", "1", "--junit", xml, "--json"});
  EXPECT_EQ(missed.code, accuracy < 1 ? 10 : 0);
  EXPECT_EQ(json::parse(missed.out)["value"].get<double>(), accuracy);
  EXPECT_NE(slurp(xml).find("<failure message="), std::string::npos);
  EXPECT_EQ(run_hone({"gate", trained().out("nothing")}).code, 4);
  EXPECT_EQ(run_hone({"gate", run, "--at-least", "80"}).code, 2);
}

TEST(Inspect, ListsLayersOfConfigAndCheckpoint) {
  for (const std::string& path : {trained().model(), best()}) {
    const ProcessResult result = run_hone({"inspect", path, "--json"});
    ASSERT_EQ(result.code, 0) << result.err;
    const json object = json::parse(result.out);
    EXPECT_EQ(object["kind"], "cnn");
    EXPECT_TRUE(object["dataset"].is_null()) << "its data have a path";
    EXPECT_EQ(object["target"], (json{{"metric", "accuracy"}, {"at_least", 0.7}}));
    EXPECT_EQ(object["layers"].size(), 4u);
    EXPECT_EQ(object["layers"][0]["output"], json({3, 6, 6}));
    // 3 filters of 3 x 3 without bias, batch norm's 2 a filter; 27 inputs and a bias for each of 4 classes.
    EXPECT_EQ(object["parameters"], 3 * 9 + 2 * 3 + 4 * 28);
    EXPECT_EQ(object["macs_per_image"], 3 * 36 * 9 + 27 * 4);
  }
  EXPECT_NE(run_hone({"inspect", trained().model()}).out.find("kind: cnn"), std::string::npos);
}

TEST(Inspect, NamesTheDataSetWithoutLookingForIt) {
  const auto config = trained().folder.write(
      "named.yaml", "data: {dataset: mnist}\nmodel: {layers: [{dense: 10}]}\ntweak: {trials: 3, minutes: 2}\n");
  const ProcessResult result = run_hone({"inspect", config.string(), "--json"}, {{"HONE_DATA", "/nowhere"}});
  ASSERT_EQ(result.code, 0) << result.err;
  const json object = json::parse(result.out);
  EXPECT_EQ(object["kind"], "dense");
  EXPECT_EQ(object["dataset"], "mnist");
  EXPECT_EQ(object["tweak"], (json{{"trials", 3}, {"minutes", 2.0}}));
}

TEST(Inspect, TellsWhatAProgramTakes) {
  const auto config = trained().folder.write("program.yaml",
                                             "name: digits\n"
                                             "program:\n"
                                             "  command: [python3, train.py, \"--a b\"]\n"
                                             "  parameters:\n"
                                             "    rate: {type: real, low: 0.001, high: 1, log: true, default: 0.1}\n"
                                             "    filters: {type: int, low: 1, high: 8}\n"
                                             "    activation: {type: choice, values: [relu, tanh]}\n"
                                             "target: {at_least: 0.9}\n");
  const ProcessResult result = run_hone({"inspect", config.string(), "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json object = json::parse(result.out);
  EXPECT_EQ(object["name"], "digits");
  EXPECT_EQ(object["kind"], "program");
  EXPECT_TRUE(object["dataset"].is_null());
  EXPECT_EQ(object["command"], (json{"python3", "train.py", "--a b"}));
  EXPECT_EQ(object["parameters"]["rate"],
            (json{{"type", "real"}, {"low", 0.001}, {"high", 1.0}, {"log", true}, {"default", 0.1}}));
  EXPECT_EQ(object["parameters"]["filters"],
            (json{{"type", "int"}, {"low", 1}, {"high", 8}, {"log", false}, {"default", 5}}));
  EXPECT_EQ(object["parameters"]["activation"],
            (json{{"type", "choice"}, {"values", {"relu", "tanh"}}, {"default", "relu"}}));
  EXPECT_EQ(object["target"]["at_least"], 0.9);
  EXPECT_NE(run_hone({"inspect", config.string()}).out.find("kind: program"), std::string::npos);
  const ProcessResult train = run_hone({"train", config.string(), "--out", trained().out("program")});
  EXPECT_EQ(train.code, 3);
  EXPECT_NE(train.err.find("'program' describes a program, which hone can't train"), std::string::npos) << train.err;
  EXPECT_FALSE(std::filesystem::exists(trained().out("program")));
}

TEST(Inspect, NamesTheDataSetOfAProgram) {
  const auto inspect = [](const std::string& dataset) {
    const auto config =
        trained().folder.write("program.yaml", "program: {command: [a], dataset: " + dataset + "}\n").string();
    return run_hone({"inspect", config, "--json"}, {{"HONE_DATA", "/nowhere"}});
  };
  EXPECT_EQ(json::parse(inspect("mnist").out)["dataset"], "mnist");
  const ProcessResult misspelt = inspect("mnits");
  EXPECT_EQ(misspelt.code, 3);
  EXPECT_NE(misspelt.err.find("program.yaml:1:34: unknown data set 'mnits'; expected one of "), std::string::npos)
      << misspelt.err;
  EXPECT_NE(misspelt.err.find("did you mean 'mnist'?"), std::string::npos) << misspelt.err;
  EXPECT_EQ(inspect("--help").code, 3);
}

TEST(Inspect, WritesAConfigOutForAFolder) {
  const auto written_for = [](const std::string& folder) {
    const ProcessResult result =
        run_hone({"inspect", trained().model(), "--set", "train.epochs=7", "--config-for", folder});
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  const std::string here = written_for(trained().folder.path().string());
  EXPECT_EQ(here.find(trained().folder.path().string()), std::string::npos) << here;
  // From that folder it reads as what it was made from.
  const Config again = parse_config(here, trained().out("again.yaml"));
  const Config before = load_config(trained().model(), std::vector<std::string>{"train.epochs=7"});
  EXPECT_TRUE(differences(before, again).empty());
  EXPECT_TRUE(
      differences(before, parse_config(written_for(trained().out("a/b")), trained().out("a/b/c.yaml"))).empty());
  const auto program = trained().folder.write("program.yaml", "program: {command: [a]}\n");
  EXPECT_EQ(run_hone({"inspect", program.string(), "--config-for", "."}).code, 2);
}

TEST(Inspect, RefusesAConfigOfNoKindAndOfBoth) {
  const auto refused = [](const std::string& text, const std::string& message) {
    const auto config = trained().folder.write("kind.yaml", text);
    const ProcessResult result = run_hone({"inspect", config.string(), "--json"});
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  refused("", "neither 'model' nor 'program'");
  refused("# model: program:\n", "neither 'model' nor 'program'");
  refused("name: x\n", "kind.yaml:1:1: the config has neither 'model' nor 'program'; expected one of them");
  refused("name: x\nprogramm: {}\n",
          "kind.yaml:2:1: the config has neither 'model' nor 'program'; expected one of "
          "them; did you mean 'program'?");
  refused("model: {}\nprogram: {}\n", "both 'program' and 'model'; expected one of them");
}

TEST(Datasets, AreListedAndDescribed) {
  const json list = json::parse(run_hone({"datasets", "list", "--json"}).out);
  EXPECT_GE(list["datasets"].size(), 2u);
  const json described = json::parse(run_hone({"datasets", "describe", trained().model(), "--json"}).out);
  EXPECT_EQ(described["train"], json({60, 60, 60, 60}));
  EXPECT_EQ(described["validation"], json({15, 15, 15, 15}));
  const ProcessResult unknown = run_hone({"datasets", "describe", "mnits"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("did you mean 'mnist'?"), std::string::npos);
}

TEST(Datasets, FetchRunsTheScript) {
  const auto script = trained().folder.write("fetch", "echo got \"$1\"; exit 6\n");
  const ProcessResult result = run_hone({"datasets", "fetch", "mnist"}, {{"HONE_DATASETS_FETCH", script.string()}});
  EXPECT_EQ(result.code, 6);
  EXPECT_EQ(result.out, "got mnist\n");
  EXPECT_EQ(run_hone({"datasets", "fetch", "nothing"}).code, 2);
}

TEST(Commands, AllHaveHelp) {
  const ProcessResult overview = run_hone({"--help"});
  EXPECT_EQ(overview.code, 0);
  for (const char* command :
       {"train", "evaluate", "predict", "gate", "tweak", "search", "inspect", "report", "datasets", "schema", "info"}) {
    EXPECT_NE(overview.out.find(std::string("\n  ") + command), std::string::npos) << command;
    const ProcessResult help = run_hone({command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_NE(help.out.find(std::string("hone ") + command), std::string::npos) << help.out;
  }
}

TEST(Commands, SchemaAndInfoAreJson) {
  EXPECT_EQ(json::parse(run_hone({"schema"}).out)["title"], "hone config");
  const json info = json::parse(run_hone({"info", "--json"}, {{"HONE_ISA", "reference"}}).out);
  EXPECT_EQ(info["isa"], "reference");
  EXPECT_GE(info["threads"].get<int>(), 1);
}

TEST(Commands, AResultThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(run({"sh", "-c", hone_program() + " schema > /dev/full"}).code, 6);
}

}  // namespace
}  // namespace hone::testing
