// hone predict: labels for picture files.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/base/parallel.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/image.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/run/model_file.hpp"

namespace hone {

extern const Command kPredict;

namespace {

using nlohmann::ordered_json;

struct Prediction {
  std::size_t label = 0;
  double probability = 0;
};

// Softmax of the logits, the most probable first.
std::vector<Prediction> ranked(const std::vector<float>& logits) {
  const auto most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  std::vector<Prediction> all;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    all.push_back({k, std::exp(static_cast<double>(logits[k]) - most)});
    sum += all.back().probability;
  }
  for (Prediction& p : all) p.probability /= sum;
  std::stable_sort(all.begin(), all.end(),
                   [](const Prediction& a, const Prediction& b) { return a.probability > b.probability; });
  return all;
}

std::vector<Prediction> predict(Network<float>& network, const std::string& file, Team& team) {
  const std::vector<std::uint8_t> pixels = decode_picture(read_picture(File::open(file)), network.input(), file);
  const std::int32_t label = 0;  // the loss goes nowhere
  Batch batch;
  batch.size = 1;
  batch.pixels = pixels.data();
  batch.labels = &label;
  std::vector<float> logits(static_cast<std::size_t>(network.classes()));
  network.evaluate(batch, logits.data(), team);
  return ranked(logits);
}

int run(std::span<const std::string> arguments) {
  Arguments args(kPredict);
  args.option("top", "K", "how many labels to give for each image (default: 1)")
      .option("threads", "N", "threads to use (default: all that the process may use)")
      .flag("json", "print one JSON object");
  constexpr std::size_t kMost = 100000;
  if (!args.parse(arguments, 2, kMost, "a checkpoint and pictures")) return 0;
  const auto top = static_cast<std::size_t>(args.integer("top", 1, 1000000).value_or(1));
  const ModelFile model = read_model(args.plain()[0]);
  Team team(static_cast<int>(args.integer("threads", 1, kMaxThreads).value_or(0)));
  Network<float> network = make_network(model, team.size());

  ordered_json images = ordered_json::array();
  std::string text;
  for (std::size_t i = 1; i < args.plain().size(); ++i) {
    const std::string& file = args.plain()[i];
    std::vector<Prediction> predictions = predict(network, file, team);
    predictions.resize(std::min(top, predictions.size()));
    ordered_json image = {{"file", file}, {"predictions", ordered_json::array()}};
    text += file + ":";
    for (const Prediction& p : predictions) {
      const std::string& label = model.labels[p.label];
      image["predictions"].push_back({{"label", label}, {"probability", p.probability}});
      text += fmt::format("  {} {:.4f}", label, p.probability);
    }
    text += "\n";
    images.push_back(std::move(image));
  }
  const ordered_json object = {{"images", std::move(images)}};
  print(args.has("json") ? object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n" : text);
  return 0;
}

}  // namespace

const Command kPredict = {"predict", "CKPT IMAGE... [--top K]", "labels with probabilities for picture files", run};

}  // namespace hone
