// Configs that describe a program.
#include "trainer/config/program.hpp"

#include "tests/trainer/config/config_text.hpp"

namespace hone::test {
namespace {

constexpr const char* kProgram = R"(seed: 7
program:
  command: [python3, train.py, 3]
  dataset: fashion_mnist
  parameters:
    rate: {type: real, low: 1.0e-4, high: 1, log: true, default: 0.01}
    filters: {type: int, low: 1, high: 16}
    kind: {type: choice, values: [relu, 16, 0.5, true], default: 16}
target: {at_least: 0.95}
tweak: {trials: 5, minutes: 3}
)";

TEST(Program, ReadsEveryKey) {
  const ProgramConfig c = parse_program(kProgram, "folder/hone.yaml");
  EXPECT_EQ(c.name, "hone");
  EXPECT_EQ(c.seed, 7);
  EXPECT_EQ(c.source, kProgram);
  EXPECT_EQ(c.program.command, (std::vector<std::string>{"python3", "train.py", "3"}));
  EXPECT_EQ(c.program.dataset, "fashion_mnist");
  EXPECT_EQ(c.target.at_least, 0.95);
  EXPECT_EQ(c.tweak.trials, 5);
  EXPECT_EQ(c.tweak.minutes, 3);
  ASSERT_EQ(c.program.parameters.size(), 3u);
  const Parameter &rate = c.program.parameters[0], &filters = c.program.parameters[1], &kind = c.program.parameters[2];
  EXPECT_EQ(rate.name, "rate");
  EXPECT_EQ(rate.kind, ParameterKind::real);
  EXPECT_EQ(rate.low, 1e-4);
  EXPECT_EQ(rate.high, 1);
  EXPECT_TRUE(rate.log);
  EXPECT_EQ(rate.preferred, OptionValue(0.01));
  EXPECT_EQ(filters.kind, ParameterKind::integer);
  EXPECT_EQ(filters.high, 16);
  EXPECT_FALSE(filters.log);
  EXPECT_FALSE(filters.preferred);
  EXPECT_EQ(kind.kind, ParameterKind::choice);
  EXPECT_EQ(kind.values, (std::vector<OptionValue>{std::string("relu"), std::int64_t{16}, 0.5, true}));
  EXPECT_EQ(kind.preferred, OptionValue(std::int64_t{16}));
}

TEST(Program, TakesSets) {
  const std::vector<std::string> sets = {"program.parameters.rate.default=0.5", "target.at_least=0.5"};
  const ProgramConfig c = parse_program(kProgram, "hone.yaml", sets);
  EXPECT_EQ(c.program.parameters[0].preferred, OptionValue(0.5));
  EXPECT_EQ(c.target.at_least, 0.5);
}

TEST(Program, MistakesAreNamedWithTheirPlace) {
  const struct {
    const char* text;
    const char* message;
  } table[] = {
      {"", "c.yaml:1:1: the config is empty; expected a map with 'program'"},
      {"program:\n",
       "c.yaml:1:1: the config has no 'program'; expected a map: a program of one's own instead of a model"},
      {"program: {}\n", "c.yaml:1:1: program has no 'command'; expected a list of texts"},
      {"program: {command: []}\n", "c.yaml:1:20: program.command has 0 items; expected 1 to 100 texts"},
      {"program: {command: python3}\n", "c.yaml:1:20: program.command is 'python3'; expected a list of texts"},
      {"program: {command: [a, \"b\\0\"]}\n",
       "c.yaml:1:24: program.command is the text 'b\\x00'; expected a text of 1 to 4096 bytes without control "
       "characters"},
      {"program: {command: [a], dataset: ../a}\n",
       "c.yaml:1:34: program.dataset is '../a'; expected a name of letters, digits, '_' and '-'"},
      {"program: {command: [a], dataset: [mnist]}\n",
       "c.yaml:1:34: program.dataset is a list; expected a text of 1 to 200 bytes"},
      {"program: {command: [a]}\ntrain: {epochs: 3}\n",
       "c.yaml:2:1: unknown key 'train' in the config; expected one of name, seed, program, target, tweak"},
      {"program: {command: [a]}\ntweak: {allow: [width]}\n",
       "c.yaml:2:9: unknown key 'allow' in tweak; expected one of trials, minutes"},
      {"data: {dataset: mnist}\nmodel: {layers: [relu]}\n",
       "c.yaml:2:1: 'model' describes a network, which is no program; expected 'program'"},
  };
  for (const auto& bad : table) EXPECT_EQ(program_error_of(bad.text), bad.message) << bad.text;
}

TEST(Program, MistakesInParametersAreNamedWithTheirPlace) {
  const struct {
    const char* parameter;
    const char* message;
  } table[] = {
      {"a: 3", "c.yaml:4:6: program.parameters.a is 3; expected a map with its type"},
      {"a: {low: 1, high: 2}", "c.yaml:4:3: program.parameters.a has no 'type'; expected one of int, real, choice"},
      {"a: {type: reel, low: 1, high: 2}",
       "c.yaml:4:13: program.parameters.a.type is 'reel'; expected one of int, real, choice; did you mean 'real'?"},
      {"a: {type: int, low: 1, hihg: 2}",
       "c.yaml:4:26: unknown key 'hihg' in program.parameters.a; expected one of type, low, high, log, default; did "
       "you "
       "mean 'high'?"},
      {"a: {type: int, low: 1}",
       "c.yaml:4:3: program.parameters.a has no 'high'; expected an integer from -9007199254740992 to "
       "9007199254740992"},
      {"a: {type: int, low: 1, high: 2.5}",
       "c.yaml:4:32: program.parameters.a.high is 2.5; expected an integer from -9007199254740992 to 9007199254740992, "
       "in decimal digits"},
      {"a: {type: real, low: .nan, high: 2}",
       "c.yaml:4:24: program.parameters.a.low is '.nan'; expected a number from -1.0e+15 to 1.0e+15"},
      {"a: {type: int, low: 3, high: 2}",
       "c.yaml:4:3: program.parameters.a has low 3 and high 2; expected low no greater than high"},
      {"a: {type: real, low: 0, high: 2, log: true}",
       "c.yaml:4:3: program.parameters.a has log and low 0; expected low above 0"},
      {"a: {type: int, low: 1, high: 2, default: 3}",
       "c.yaml:4:3: program.parameters.a.default is 3; expected a value from low 1 to high 2"},
      {"a: {type: choice, low: 1, values: [b]}",
       "c.yaml:4:21: unknown key 'low' in program.parameters.a; expected one of type, values, default"},
      {"a: {type: choice}", "c.yaml:4:3: program.parameters.a has no 'values'; expected a list of values"},
      {"a: {type: choice, values: [b, c, b]}",
       "c.yaml:4:36: program.parameters.a.values has 'b' twice; expected it once"},
      {"a: {type: choice, values: [b, [c]]}",
       "c.yaml:4:33: program.parameters.a.values is a list; expected true, false, a number or a text"},
      {"a: {type: choice, values: [1, 99999999999999999999]}",
       "c.yaml:4:33: program.parameters.a.values is 99999999999999999999; expected a number that is less large"},
      {"a: {type: choice, values: [relu, tanh], default: rely}",
       "c.yaml:4:3: program.parameters.a.default is rely; expected one of relu, tanh; did you mean 'relu'?"},
      {"2a: {type: choice, values: [b]}",
       "c.yaml:4:3: program.parameters has the name '2a'; expected letters, digits, '_', '-', '.', at most 64, a "
       "letter "
       "or '_' first"},
  };
  for (const auto& bad : table)
    EXPECT_EQ(program_error_of("program:\n command: [x]\n parameters:\n  " + std::string(bad.parameter) + "\n"),
              bad.message)
        << bad.parameter;
}

TEST(Program, NumbersOfThingsAreLimited) {
  const auto with = [](int parameters, int values) {
    std::string text = "program: {command: [x], parameters: {";
    std::string list;
    for (int i = 0; i < values; ++i) list += std::to_string(i) + ", ";
    for (int i = 0; i < parameters; ++i) text += "p" + std::to_string(i) + ": {type: choice, values: [" + list + "]}, ";
    return program_error_of(text + "}}");
  };
  EXPECT_EQ(with(64, 100), "");
  EXPECT_NE(with(65, 1).find("has 65 parameters; expected at most 64"), std::string::npos);
  EXPECT_NE(with(1, 101).find("has 101 items; expected 1 to 100 values"), std::string::npos);
}

}  // namespace
}  // namespace hone::test
