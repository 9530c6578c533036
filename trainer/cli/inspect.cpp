// hone inspect: what a model consists of, layer by layer.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/model_file.hpp"
#include "trainer/run/progress.hpp"

namespace hone {

extern const Command kInspect;

namespace {

using nlohmann::ordered_json;

// Planned as training would plan it; of a checkpoint, its weights are in it.
Network<float> planned(const std::string& path, std::span<const std::string> sets, Config& config) {
  if (is_checkpoint(path)) {
    const ModelFile model = read_model(path, sets);
    config = model.config;
    make_network(model, 1);  // refuses weights that do not fit
  } else {
    config = load_config(path, sets);
    resolve_model(config);
    if (!config.has_input()) load_data(config, nullptr);
  }
  NetworkOptions options;
  options.batch_size = config.train.batch_size;
  options.evaluation_batch_size = kEvaluationBatch;
  options.optimizer = config.train.optimizer;
  return {config.model, options};
}

std::string text_of(const Network<float>& network, const Config& config) {
  std::size_t path = 5, type = 4, kernel = 6;
  for (const LayerInfo& layer : network.layers()) {
    path = std::max(path, layer.path.size());
    type = std::max(type, layer.type.size());
    kernel = std::max(kernel, layer.kernel.size());
  }
  const auto row = [&](const auto&... cells) {
    return fmt::format("{:<{}}  {:<{}}  {:<16}  {:>11}  {:>13}  {:>12}  {:<{}}\n", cells...);
  };
  std::string text = fmt::format("{}  input {}\n", config.name, to_string(network.input()));
  text += row("layer", path, "type", type, "output", "parameters", "MACs", "bytes", "kernel", kernel);
  for (const LayerInfo& layer : network.layers())
    text += row(layer.path, path, layer.type, type, to_string(layer.output), with_commas(layer.parameters),
                with_commas(layer.macs), with_commas(layer.activation_bytes), layer.kernel, kernel);
  text += row("total", path, "", type, "", with_commas(network.parameters()), with_commas(network.macs_per_image()), "",
              "", kernel);
  return text + fmt::format("memory: {} bytes in training with batches of {}\nkind: {}\n",
                            with_commas(network.arena_bytes()), config.train.batch_size,
                            network.convolutional() ? "cnn" : "dense");
}

ordered_json json_of(const Network<float>& network, const Config& config) {
  ordered_json object = {{"name", config.name},
                         {"kind", network.convolutional() ? "cnn" : "dense"},
                         {"input", {network.input().c, network.input().h, network.input().w}},
                         {"classes", network.classes()},
                         {"parameters", network.parameters()},
                         {"macs_per_image", network.macs_per_image()},
                         {"memory_bytes", network.arena_bytes()},
                         {"batch_size", config.train.batch_size},
                         {"tweak", {{"trials", config.tweak.trials}, {"minutes", config.tweak.minutes}}},
                         {"layers", ordered_json::array()}};
  for (const LayerInfo& layer : network.layers())
    object["layers"].push_back({{"path", layer.path},
                                {"type", layer.type},
                                {"output", {layer.output.c, layer.output.h, layer.output.w}},
                                {"parameters", layer.parameters},
                                {"macs", layer.macs},
                                {"activation_bytes", layer.activation_bytes},
                                {"kernel", layer.kernel}});
  return object;
}

int run(std::span<const std::string> arguments) {
  Arguments args(kInspect);
  args.list("set", "KEY=VALUE", "change a value of the config; may be repeated").flag("json", "print one JSON object");
  if (!args.parse(arguments, 1, 1, "a config or a checkpoint")) return 0;
  Config config;
  const Network<float> network = planned(args.plain()[0], args.texts("set"), config);
  print(args.has("json") ? json_of(network, config).dump(2) + "\n" : text_of(network, config));
  return 0;
}

}  // namespace

const Command kInspect = {"inspect", "CONFIG or CKPT [--set a.b=v]...",
                          "layer table: shapes, parameters, MACs, kernels", run};

}  // namespace hone
