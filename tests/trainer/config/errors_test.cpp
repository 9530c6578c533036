// Every way a config can be wrong, with the line that the user sees.
#include "tests/trainer/config/config_text.hpp"

namespace hone::test {
namespace {

struct Bad {
  const char* text;
  const char* message;
};

const std::string kModel = "model: {layers: [{dense: 10}]}\n";
const std::string kData = "data: {dataset: mnist}\n";

void expect(const std::vector<Bad>& table, const std::string& before = "", const std::string& after = "") {
  for (const Bad& bad : table) EXPECT_EQ(error_of(before + bad.text + after), bad.message) << bad.text;
}

TEST(Errors, WholeConfig) {
  expect({
      {"", "c.yaml:1:1: the config is empty; expected a map with 'data' and 'model'"},
      {"# nothing\n", "c.yaml:1:1: the config is empty; expected a map with 'data' and 'model'"},
      {"lenet", "c.yaml:1:1: the config is 'lenet'; expected a map"},
      {"- data", "c.yaml:1:1: the config is a list; expected a map"},
      {"data: {dataset: mnist}\n", "c.yaml:1:1: the config has no 'model'; expected a map: the network"},
      {"data:\nmodel:\n", "c.yaml:1:1: the config has no 'data'; expected a map: what is learnt from"},
      {"data: {dataset: mnist}\nmodel: 3\n", "c.yaml:2:8: model is 3; expected a map"},
      {"data: {dataset: mnist}\nmodle: {}\n",
       "c.yaml:2:1: unknown key 'modle' in the config; expected one of name, seed, data, model, train, target, tweak; "
       "did you mean 'model'?"},
      {"program: {command: [python3, train.py]}\n",
       "c.yaml:1:1: 'program' describes a program, which hone can't train; expected 'model'"},
      {"model: {}\nprogram: {}\n", "c.yaml:2:1: both 'program' and 'model'; expected one of them"},
  });
}

TEST(Errors, Yaml) {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  expect({
      {"a: 1\nb: *x\n", "c.yaml:2:4: not YAML (the referenced anchor is not defined); expected YAML"},
      {"a: &x 1\nb: *x\n", "c.yaml:1:4: an alias or anchor; expected the value itself, written out"},
      {"a: &x [1]\n", "c.yaml:1:4: an alias or anchor; expected the value itself, written out"},
      {"a: &x\n", "c.yaml:1:4: an alias or anchor; expected the value itself, written out"},
      {"a: !!int 3\n", "c.yaml:1:4: a tag; expected the value alone, without '!'"},
      {"a: ! 3\n", "c.yaml:1:4: a tag; expected the value alone, without '!'"},
      {"a: !x {}\n", "c.yaml:1:4: a tag; expected the value alone, without '!'"},
      {"- !x\n", "c.yaml:1:3: a tag; expected the value alone, without '!'"},
      {"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "c.yaml:5:3: duplicate key 'c'; expected it once (it is on line 3 too)"},
      {"a: {b: 1, \"b\": 2}\n", "c.yaml:1:11: duplicate key 'b'; expected it once (it is on line 1 too)"},
      {"? [1, 2]\n: 3\n", "c.yaml:1:3: a list or map as a key, or a bracket that is not closed; expected a name"},
      {"? - a\n: 3\n", "c.yaml:1:3: a list or map as a key; expected a name"},
      {"~: 3\n", "c.yaml:1:1: an empty key; expected a name"},
      {"a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document; expected one"},
      {"a: [1, 2\n", "c.yaml:2:1: not YAML (end of sequence flow not found); expected YAML"},
      {"a: b: c\n", "c.yaml:1:5: not YAML (illegal map value); expected YAML"},
      {"é: ü: x\n", "c.yaml:1:5: not YAML (illegal map value); expected YAML"},
      {"a: \x07\n", "c.yaml:1:4: a control character (byte 7); expected UTF-8 text"},
      {"a: 1\nb: \xC3(\n", "c.yaml:2:4: not valid UTF-8; expected UTF-8 text"},
      {"a: \xED\xA0\x80\n", "c.yaml:1:4: not valid UTF-8; expected UTF-8 text"},
      {"\xFF\xFEx", "c.yaml:1:1: not valid UTF-8; expected UTF-8 text"},
  });
  EXPECT_EQ(error_of(std::string("a: x\0y", 6)), "c.yaml:1:5: a control character (byte 0); expected UTF-8 text");
  EXPECT_EQ(error_of("a:\n  " + deep), "c.yaml:2:34: nested more than 32 deep; expected less");
}

TEST(Errors, YamlThatIsMadeToBeLarge) {
  EXPECT_EQ(error_of(std::string((1 << 20) + 1, '#')), "c.yaml: larger than 1 MiB; expected at most 1 MiB");
  EXPECT_EQ(error_of(std::string(1 << 20, '#')),
            "c.yaml:1:1: the config is empty; expected a map with 'data' and 'model'");
  std::string laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const std::string below = std::string("*") + static_cast<char>(c - 1);
    laughs += std::string(1, c) + ": &" + c + " [" + below + "," + below + "," + below + "," + below + "]\n";
  }
  EXPECT_EQ(error_of(laughs), "c.yaml:1:4: an alias or anchor; expected the value itself, written out");
  std::string many = "a: [";
  for (int i = 0; i < 200000; ++i) many += "1,";
  EXPECT_EQ(error_of(many + "]"), "c.yaml:1:200004: more than 100000 values; expected fewer");
  for (const char bracket : {'[', '{'})
    EXPECT_EQ(error_of(std::string(1 << 20, bracket)), "c.yaml:1:1001: nested more than 32 deep; expected less");
  EXPECT_EQ(error_of(std::string(900, '[')),
            "c.yaml:1:1: a list or map as a key, or a bracket that is not closed; expected a name");
  for (const char* block : {"- ", "a: [", "[a, "}) {
    std::string text;
    while (text.size() < (1 << 20) - 8) text += block;
    EXPECT_NE(error_of(text), "") << block;
  }
  std::string keys;
  for (int i = 0; i < 40000; ++i) keys += "k" + std::to_string(i) + ": \xC3\xA9, ";
  EXPECT_NE(error_of("{" + keys + "k3: 1}").find("duplicate key 'k3'"), std::string::npos);
}

TEST(Errors, Repeats) {
  std::string layers = "[relu]";
  for (int i = 0; i < 4; ++i) layers = "[{repeat: {times: 256, layers: " + layers + "}}]";
  EXPECT_NE(error_of(kData + "model:\n  layers: " + layers)
                .find("more than 10000 layers with every repeat written out; expected fewer"),
            std::string::npos);
}

TEST(Errors, Data) {
  expect(
      {
          {"data: {}", "c.yaml:2:1: data names no images; expected 'dataset', or 'format' and 'path'"},
          {"data: {dataset: mnist, path: x}",
           "c.yaml:2:17: data has both 'dataset' and 'path'; expected 'dataset', or 'format' and 'path'"},
          {"data: {dataset: mnist, format: idx, path: x}",
           "c.yaml:2:17: data has both 'dataset' and 'format'; expected 'dataset', or 'format' and 'path'"},
          {"data: {format: idx}", "c.yaml:2:16: data has 'format' and no 'path'; expected both"},
          {"data: {path: x}", "c.yaml:2:14: data has 'path' and no 'format'; expected both"},
          {"data: {dataset: ../mnist}",
           "c.yaml:2:17: data.dataset is '../mnist'; expected a name of letters, digits, '_' and '-'"},
          {"data: {dataset: ''}", "c.yaml:2:17: data.dataset is the text ''; expected a text of 1 to 200 bytes"},
          {"data: {dataset: [mnist]}", "c.yaml:2:17: data.dataset is a list; expected a text of 1 to 200 bytes"},
          {"data: {format: cifar, path: x}",
           "c.yaml:2:16: data.format is 'cifar'; expected one of idx, cifar_bin, image_folder"},
          {"data: {format: idx, path: \"a\\nb\"}",
           "c.yaml:2:27: data.path is the text 'a\\x0ab'; expected a text of 1 to 4096 bytes without control "
           "characters"},
          {"data: {dataset: mnist, validation: 1.5}",
           "c.yaml:2:36: data.validation is 1.5; expected a number from 0 to 0.9"},
          {"data: {dataset: mnist, validation: .nan}",
           "c.yaml:2:36: data.validation is '.nan'; expected a number from 0 to 0.9"},
          {"data: {dataset: mnist, limit: 100}", "c.yaml:2:31: data.limit is 100; expected a map"},
          {"data: {dataset: mnist, limit: {train: 0}}",
           "c.yaml:2:39: data.limit.train is 0; expected an integer from 1 to 100000000"},
          {"data: {dataset: mnist, limit: {valid: 3}}",
           "c.yaml:2:32: unknown key 'valid' in data.limit; expected one of train, test"},
          {"data: {dataset: mnist, skip_unreadable: yes}",
           "c.yaml:2:41: data.skip_unreadable is 'yes'; expected true or false"},
          {"data: {dataset: mnist, normalize: standart}",
           "c.yaml:2:35: data.normalize is 'standart'; expected one of none, unit, standard; did you mean 'standard'?"},
          {"data: {dataset: mnist, augment: flip}",
           "c.yaml:2:33: data.augment is 'flip'; expected a list of "
           "augmentations"},
          {"data: {dataset: mnist, augment: [{flip: horizontl}]}",
           "c.yaml:2:41: flip.direction is 'horizontl'; expected one of horizontal, vertical; did you mean "
           "'horizontal'?"},
      },
      kModel);
}

TEST(Errors, Layers) {
  expect(
      {
          {"{}", "c.yaml:2:1: model has no 'layers'; expected a list of layers"},
          {"{layers: []}", "c.yaml:2:17: model.layers is empty; expected a list of layers"},
          {"{layers: {dense: 10}}", "c.yaml:2:17: model.layers is a map; expected a list of layers"},
          {"{layers: [dense]}", "c.yaml:2:18: dense has no 'units'; expected an integer from 1 to 1048576"},
          {"{layers: [{dense: }]}", "c.yaml:2:19: dense has no 'units'; expected an integer from 1 to 1048576"},
          {"{layers: [{dense: ten}]}", "c.yaml:2:26: dense.units is 'ten'; expected an integer from 1 to 1048576"},
          {"{layers: [{conv: {filter: 3}}]}",
           "c.yaml:2:26: unknown key 'filter' in conv; expected one of filters, kernel, stride, padding, dilation, "
           "groups, bias, batch_norm, activation; did you mean 'filters'?"},
          {"{layers: [{conv: 20}]}",
           "c.yaml:2:19: conv has no 'kernel'; expected an integer or [h, w], each from 1 to 8192"},
          {"{layers: [{conv: {filters: 20, kernel: [3]}}]}",
           "c.yaml:2:47: conv.kernel has 1 items; expected an integer or [h, w], each from 1 to 8192"},
          {"{layers: [{conv: {filters: 20, kernel: [3, 0]}}]}",
           "c.yaml:2:51: conv.kernel is 0; expected an integer or [h, w], each from 1 to 8192"},
          {"{layers: [{conv: {filters: 20, kernel: 3, padding: sane}}]}",
           "c.yaml:2:59: conv.padding is 'sane'; expected valid, same, an integer or [h, w], each from 0 to 8192; did "
           "you mean 'same'?"},
          {"{layers: [{conv: {filters: 20, kernel: 3, activation: rely}}]}",
           "c.yaml:2:62: conv.activation is 'rely'; expected one of none, relu, leaky_relu, relu6, elu, gelu, silu, "
           "sigmoid, tanh, softplus; did you mean 'relu'?"},
          {"{layers: [{relu: 3}]}", "c.yaml:2:25: relu is 3; expected nothing: it takes no options"},
          {"{layers: [{relu: {slope: 3}}]}", "c.yaml:2:26: unknown key 'slope' in relu; relu takes no options"},
          {"{layers: [{max_pool: {}}]}",
           "c.yaml:2:19: max_pool has no 'size'; expected an integer or [h, w], each from 1 to 8192"},
          {"{layers: [3]}",
           "c.yaml:2:18: unknown layer '3'; expected one of conv, max_pool, avg_pool, "
           "global_avg_pool, dense, dropout, batch_norm, residual, repeat, relu, leaky_relu, relu6, "
           "elu, gelu, silu, sigmoid, tanh, softplus"},
          {"{layers: [[relu]]}", "c.yaml:2:18: a layer is a list; expected its name, or its name with its options"},
          {"{layers: [{}]}", "c.yaml:2:18: a layer is an empty map; expected its name, or its name with its options"},
          {"\n  layers:\n    -\n    - relu\n",
           "c.yaml:4:5: a layer is empty; expected its name, or its name with its options"},
          {"\n  layers:\n    - conv:\n      filters: 3\n",
           "c.yaml:5:7: 'filters' stands beside 'conv'; expected one name for a layer: indent its options below it"},
          {"\n  layers:\n    - conv: 3\n      relu:\n",
           "c.yaml:5:7: 'relu' stands beside 'conv'; expected one name for a layer"},
          {"{layers: [{residual: {shortcut: auto}}]}",
           "c.yaml:2:19: residual has no 'layers'; expected a list of layers"},
          {"{layers: [{residual: 3}]}", "c.yaml:2:29: residual is 3; expected a map of its options"},
          {"{layers: [{repeat: {layers: [relu]}}]}",
           "c.yaml:2:19: repeat has no 'times'; expected an integer from 1 to 256"},
          {"{layers: [{repeat: {times: 2, layers: [{repeat: {times: 2, layers: [cov]}}]}}]}",
           "c.yaml:2:76: unknown layer 'cov'; expected one of conv, max_pool, avg_pool, global_avg_pool, dense, "
           "dropout, batch_norm, residual, repeat, relu, leaky_relu, relu6, elu, gelu, silu, sigmoid, tanh, softplus; "
           "did you mean 'conv'?"},
          {"{input: 28, layers: [relu]}", "c.yaml:2:16: model.input is 28; expected [C, H, W]"},
          {"{input: [28, 28], layers: [relu]}", "c.yaml:2:16: model.input is not three numbers; expected [C, H, W]"},
          {"{input: [1, 28, 0], layers: [relu]}", "c.yaml:2:24: model.input is 0; expected an integer from 1 to 8192"},
      },
      kData + "model: ");
}

TEST(Errors, Numbers) {
  const std::string whole = "c.yaml:3:17: train.epochs is ";
  const std::string ask = "; expected an integer from 1 to 100000";
  const auto epochs = [&](const std::string& value) {
    return error_of(kData + kModel + "train: {epochs: " + value + "}");
  };
  EXPECT_EQ(epochs("0"), whole + "0" + ask);
  EXPECT_EQ(epochs("-1"), whole + "-1" + ask);
  EXPECT_EQ(epochs("100001"), whole + "100001" + ask);
  EXPECT_EQ(epochs("99999999999999999999"), whole + "99999999999999999999" + ask);
  EXPECT_EQ(epochs("1e3"), whole + "1e3" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("3.0"), whole + "3.0" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("0x10"), whole + "'0x10'" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("010"), whole + "010" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("1_000"), whole + "'1_000'" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("10:30"), whole + "'10:30'" + ask + ", in decimal digits");
  EXPECT_EQ(epochs("'3'"), whole + "the text '3'" + ask);
  EXPECT_EQ(epochs("true"), whole + "'true'" + ask);
  EXPECT_EQ(epochs("+"), whole + "'+'" + ask);
  EXPECT_EQ(epochs("[3]"), whole + "a list" + ask);
  EXPECT_EQ(error_of(kData + kModel + "train: {epochs: }"), "c.yaml:3:9: train.epochs is empty" + ask);
  EXPECT_EQ(epochs("+3"), "");

  const auto clip = [&](const std::string& v) {
    return error_of(kData + kModel + "train: {clip_gradients: " + v + "}");
  };
  const std::string real = "c.yaml:3:25: train.clip_gradients is ", number = "; expected a number from 0 to 1000000";
  for (const char* good : {"0", "1", "0.5", ".5", "5.", "1e3", "1E-3", "+2.5e+2", "-0"})
    EXPECT_EQ(clip(good), "") << good;
  for (const char* bad : {"-1", "1e999", "1e-999", "1e7"}) EXPECT_EQ(clip(bad), real + bad + number);
  for (const char* bad : {"inf", ".inf", "nan", "1e", "1.2.3", "--1", ".", "e5", "0x1p3", "1,5", "00.5"})
    EXPECT_NE(clip(bad), "") << bad;
}

TEST(Errors, Train) {
  const std::string optimizers = "expected one of sgd, adam, adamw";
  const auto train = [&](const std::string& value) { return error_of(kData + kModel + "train: " + value); };
  EXPECT_EQ(train("{optimizer: sgdd}"),
            "c.yaml:3:20: unknown optimizer 'sgdd'; " + optimizers + "; did you mean 'sgd'?");
  EXPECT_EQ(train("{optimizer: [sgd]}"),
            "c.yaml:3:20: an optimizer is a list; expected its name, or its name with its options");
  EXPECT_EQ(train("{schedule: {step: {factor: 0.5}}}"),
            "c.yaml:3:20: step has no 'every_epochs'; expected an integer from 1 to 100000");
  EXPECT_EQ(train("{schedule: {step: {factor: 0, every_epochs: 3}}}"),
            "c.yaml:3:35: step.factor is 0; expected a number greater than 0, at most 1");
  EXPECT_EQ(train("{epochs: 2, schedule: {cosine: {warmup_epochs: 3}}}"),
            "c.yaml:3:31: cosine.warmup_epochs is 3 and train.epochs 2; expected no more warm-up than epochs");
  EXPECT_EQ(train("{optimizer: {sgd: {learning_rate: 0.1}}, schedule: {one_cycle: 0.05}}"),
            "c.yaml:3:60: one_cycle.max_learning_rate is 0.05 and the optimizer's learning_rate 0.1; expected at least "
            "the learning rate");
  EXPECT_EQ(train("{optimizer: {sgd: {learning_rate: 0.1}}, schedule: {cosine: {min_learning_rate: 0.2}}}"),
            "c.yaml:3:60: cosine.min_learning_rate is 0.2 and the optimizer's learning_rate 0.1; expected at most the "
            "learning rate");
  EXPECT_EQ(train("{optimizer: {sgd: {learning_rate: 0.1, nesterov: true}}}"),
            "c.yaml:3:21: sgd.nesterov needs momentum and it is 0; expected a momentum above 0");
  EXPECT_EQ(train("{precision: fats}"),
            "c.yaml:3:20: train.precision is 'fats'; expected one of fast, strict; did you mean 'fast'?");
  EXPECT_EQ(train("{checkpoint: {every_seconds: 0}}"),
            "c.yaml:3:37: train.checkpoint.every_seconds is 0; expected a number greater than 0, at most 1000000");
  EXPECT_EQ(train("{early_stop: 3}"), "c.yaml:3:21: train.early_stop is 3; expected a map");
  EXPECT_EQ(train("{early_stop: {patiense: 3}}"),
            "c.yaml:3:22: unknown key 'patiense' in train.early_stop; expected "
            "one of patience; did you mean 'patience'?");
}

TEST(Errors, WithoutValidation) {
  const std::string data = "data: {dataset: mnist, validation: 0}\n" + kModel;
  const std::string needs = " needs validation images and data.validation is 0; expected a share above 0";
  EXPECT_EQ(error_of(data), "");
  EXPECT_EQ(error_of(data + "train:\n  early_stop: {patience: 3}\n"), "c.yaml:4:3: train.early_stop" + needs);
  EXPECT_EQ(error_of(data + "train:\n  schedule: {plateau: {patience: 3, factor: 0.1}}\n"),
            "c.yaml:4:14: the plateau schedule" + needs);
}

TEST(Errors, TargetAndTweak) {
  expect(
      {
          {"target: {metric: f1}", "c.yaml:3:18: target.metric is 'f1'; expected accuracy"},
          {"target: {at_least: 0}", "c.yaml:3:20: target.at_least is 0; expected a number greater than 0, at most 1"},
          {"target: {at_least: 80}", "c.yaml:3:20: target.at_least is 80; expected a number greater than 0, at most 1"},
          {"tweak: {allow: width}",
           "c.yaml:3:16: tweak.allow is 'width'; expected a list of depth, width, kernel, pool, dense, epochs, "
           "learning_rate, schedule, optimizer, batch_size, batch_norm, regularization, augment"},
          {"tweak: {allow: [width, widht]}",
           "c.yaml:3:24: tweak.allow is 'widht'; expected one of depth, width, kernel, pool, dense, epochs, "
           "learning_rate, schedule, optimizer, batch_size, batch_norm, regularization, augment; did you mean "
           "'width'?"},
          {"tweak: {allow: [width, width]}", "c.yaml:3:24: tweak.allow has 'width' twice; expected it once"},
          {"tweak: {limits: {macs: 0}}",
           "c.yaml:3:24: tweak.limits.macs is 0; expected an integer from 1 to 1000000000000000"},
          {"seed: -1", "c.yaml:3:7: seed is -1; expected an integer from 0 to 9007199254740992"},
          {"name: [a]", "c.yaml:3:7: name is a list; expected a text of 1 to 200 bytes"},
      },
      kData + kModel);
}

}  // namespace
}  // namespace hone::test
