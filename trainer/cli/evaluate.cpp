// hone evaluate: how well a checkpoint does on a split.
#include "trainer/run/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/base/parallel.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/model_file.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {

extern const Command kEvaluate;

namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kSplits = {"train", "validation", "test"};

ordered_json json_of(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const Evaluation& evaluation, const std::vector<std::string>& labels, const std::string& split) {
  const Interval interval = wilson_interval(evaluation.score.accuracy, evaluation.score.images);
  ordered_json object = {{"split", split},
                         {"images", evaluation.score.images},
                         {"loss", evaluation.score.loss},
                         {"accuracy", evaluation.score.accuracy},
                         {"interval", {interval.low, interval.high}},
                         {"top", evaluation.top},
                         {"classes", ordered_json::array()},
                         {"confusion", evaluation.confusion}};
  for (std::size_t k = 0; k < evaluation.classes.size(); ++k) {
    const ClassScore& c = evaluation.classes[k];
    object["classes"].push_back({{"label", labels[k]},
                                 {"images", c.images},
                                 {"precision", json_of(c.precision)},
                                 {"recall", json_of(c.recall)},
                                 {"f1", json_of(c.f1)}});
  }
  return object;
}

std::string share_text(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

std::string text_of(const Evaluation& evaluation, const std::vector<std::string>& labels, const std::string& split) {
  const Score& score = evaluation.score;
  const Interval interval = wilson_interval(score.accuracy, score.images);
  std::string text = fmt::format("{} split: {} images\nloss      {:.6f}\naccuracy  {} (95 %: {} to {})\n", split,
                                 with_commas(score.images), score.loss, percent(score.accuracy), percent(interval.low),
                                 percent(interval.high));
  for (std::size_t k = 1; k < evaluation.top.size(); ++k)
    text += fmt::format("top {}     {}\n", k + 1, percent(evaluation.top[k]));

  std::size_t width = 5;
  for (const std::string& label : labels) width = std::max(width, label.size());
  text += fmt::format("\n{:<{}}  {:>8}  {:>9}  {:>6}  {:>6}\n", "class", width, "images", "precision", "recall", "F1");
  for (std::size_t k = 0; k < evaluation.classes.size(); ++k) {
    const ClassScore& c = evaluation.classes[k];
    text += fmt::format("{:<{}}  {:>8}  {:>9}  {:>6}  {:>6}\n", labels[k], width, c.images, share_text(c.precision),
                        share_text(c.recall), share_text(c.f1));
  }
  constexpr std::size_t kWidest = 20;
  if (labels.size() > kWidest) return text + "\nconfusion matrix: with --json\n";
  text += "\nconfusion matrix (a row a right class, a column an answer)\n";
  for (std::size_t k = 0; k < labels.size(); ++k) {
    text += fmt::format("{:<{}}", labels[k], width);
    for (const std::int64_t count : evaluation.confusion[k]) text += fmt::format("  {:>5}", count);
    text += "\n";
  }
  return text;
}

int run(std::span<const std::string> arguments) {
  Arguments args(kEvaluate);
  args.option("config", "CONFIG", "take the data section of another config")
      .list("set", "KEY=VALUE", "change a value of the config; may be repeated")
      .option("split", "SPLIT", "train, validation or test (default: test)")
      .option("threads", "N", "threads to use (default: all that the process may use)")
      .flag("json", "print one JSON object")
      .flag("quiet", "no progress");
  if (!args.parse(arguments, 1, 1, "one checkpoint")) return 0;
  const std::string split = args.has("split") ? args.text("split") : "test";
  if (std::find(kSplits.begin(), kSplits.end(), split) == kSplits.end())
    throw Error(ErrorKind::usage,
                "--split is '" + split + "'; expected train, validation or test" + did_you_mean(split, kSplits));
  const int threads = static_cast<int>(args.integer("threads", 1, kMaxThreads).value_or(0));

  const StopSignals signals;
  const auto sets = args.texts("set");
  const bool other_config = args.has("config");
  const ModelFile model = read_model(args.plain()[0], other_config ? std::vector<std::string>() : sets);
  Config config = other_config ? load_config(args.text("config"), sets) : model.config;
  config.model = model.config.model;  // another config may tell of other data, never of another model
  Team team(threads);
  Network<float> network = make_network(model, team.size());
  Progress progress(args.has("quiet"));
  const Dataset data = load_data(config, [] { throw_if_stopped(); });
  const Split& images = split == "train" ? data.train : split == "validation" ? data.validation : data.test;
  const auto evaluation = evaluate(network, images, team, [&](std::int64_t done) {
    progress.activity(fmt::format("evaluating: {} of {} images", with_commas(done), with_commas(images.count)));
    throw_if_stopped();
  });
  if (!evaluation) throw Error(ErrorKind::data, config.data.where, "the " + split + " split has no images");
  print(args.has("json") ? json_of(*evaluation, model.labels, split).dump(2) + "\n"
                         : text_of(*evaluation, model.labels, split));
  return 0;
}

}  // namespace

const Command kEvaluate = {"evaluate", "CKPT [--config CONFIG] [--set a.b=v]... [--split test]",
                           "loss, accuracy, per-class scores of a checkpoint", run};

}  // namespace hone
