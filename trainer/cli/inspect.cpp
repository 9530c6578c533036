// hone inspect: what a model consists of, layer by layer; what a program is and takes.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/describe_program.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/config/option.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/model_file.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/tweak/space.hpp"

namespace hone {

extern const Command kInspect;

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// Planned as training would plan it.
Network<float> planned(const Config& config) {
  NetworkOptions options;
  options.batch_size = config.train.batch_size;
  options.evaluation_batch_size = kEvaluationBatch;
  options.optimizer = config.train.optimizer;
  return {config.model, options};
}

// A model's input is known. Of a checkpoint, weights that do not fit are refused.
AnyConfig config_of(const std::string& path, std::span<const std::string> sets) {
  if (is_checkpoint(path)) {
    const ModelFile model = read_model(path, sets);
    make_network(model, 1);
    return model.config;
  }
  AnyConfig config = load_any_config(path, sets);
  if (auto* model = std::get_if<Config>(&config)) {
    resolve_model(*model);
    if (!model->has_input()) load_data(*model, nullptr);
  } else if (const ProgramSpec& program = std::get<ProgramConfig>(config).program; !program.dataset.empty()) {
    known_dataset(program.dataset, program.where);
  }
  return config;
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

template <class C>
ordered_json json_of_goal(const C& config) {
  return {{"target", {{"metric", config.target.metric}, {"at_least", config.target.at_least}}},
          {"tweak", {{"trials", config.tweak.trials}, {"minutes", config.tweak.minutes}}}};
}

ordered_json name_or_null(const std::string& name) { return name.empty() ? ordered_json() : ordered_json(name); }

ordered_json json_of(const Network<float>& network, const Config& config) {
  ordered_json object = {{"name", config.name},
                         {"kind", network.convolutional() ? "cnn" : "dense"},
                         {"dataset", name_or_null(config.data.dataset)},
                         {"input", {network.input().c, network.input().h, network.input().w}},
                         {"classes", network.classes()},
                         {"parameters", network.parameters()},
                         {"macs_per_image", network.macs_per_image()},
                         {"memory_bytes", network.arena_bytes()},
                         {"batch_size", config.train.batch_size},
                         {"layers", ordered_json::array()}};
  for (const LayerInfo& layer : network.layers())
    object["layers"].push_back({{"path", layer.path},
                                {"type", layer.type},
                                {"output", {layer.output.c, layer.output.h, layer.output.w}},
                                {"parameters", layer.parameters},
                                {"macs", layer.macs},
                                {"activation_bytes", layer.activation_bytes},
                                {"kernel", layer.kernel}});
  object.update(json_of_goal(config));
  return object;
}

ordered_json json_of(const Parameter& parameter) {
  const auto bound = [&](double value) {
    return parameter.kind == ParameterKind::integer ? ordered_json(static_cast<std::int64_t>(value))
                                                    : ordered_json(value);
  };
  ordered_json object = {{"type", kParameterTypes[static_cast<std::size_t>(parameter.kind)]}};
  if (parameter.kind == ParameterKind::choice) {
    object["values"] = ordered_json::array();
    for (const OptionValue& value : parameter.values) object["values"].push_back(to_json(value));
  } else {
    object["low"] = bound(parameter.low);
    object["high"] = bound(parameter.high);
    object["log"] = parameter.log;
  }
  object["default"] = to_json(first_value(parameter));
  return object;
}

ordered_json json_of(const ProgramConfig& config) {
  ordered_json object = {{"name", config.name},
                         {"kind", "program"},
                         {"dataset", name_or_null(config.program.dataset)},
                         {"command", config.program.command},
                         {"parameters", ordered_json::object()}};
  for (const Parameter& parameter : config.program.parameters)
    object["parameters"][parameter.name] = json_of(parameter);
  object.update(json_of_goal(config));
  return object;
}

std::string text_of(const ProgramConfig& config) {
  std::string text = config.name + "\ncommand:";
  for (const std::string& word : config.program.command) text += " " + yaml_text(std::string_view(word));
  text += "\n";
  if (!config.program.dataset.empty()) text += "dataset: " + config.program.dataset + "\n";
  for (const Parameter& parameter : config.program.parameters)
    text += fmt::format("{}: {}\n", parameter.name, json_of(parameter).dump());
  return text + "kind: program\n";
}

// As one would write it in `folder`.
std::string written_for(const std::string& folder, const AnyConfig& config) {
  if (!std::holds_alternative<Config>(config))
    throw Error(ErrorKind::usage, "--config-for was given for a program; expected a model");
  Config here = std::get<Config>(config);
  if (!here.data.path.empty())
    here.data.path = fs::path(here.data.path).lexically_relative(fs::absolute(folder).lexically_normal()).string();
  return to_yaml(here);
}

void show(bool json, const ordered_json& object, const std::string& text) {
  print(json ? object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n" : text);
}

int run(std::span<const std::string> arguments) {
  Arguments args(kInspect);
  args.list("set", "KEY=VALUE", "change a value of the config; may be repeated")
      .flag("json", "print one JSON object")
      .option("config-for", "FOLDER", "print the config instead, every default written out, to be put into FOLDER");
  if (!args.parse(arguments, 1, 1, "a config or a checkpoint")) return 0;
  const std::string& path = args.plain()[0];
  const std::vector<std::string> sets = args.texts("set");
  if (args.has("config-for")) {
    print(written_for(args.text("config-for"),
                      is_checkpoint(path) ? config_of(path, sets) : load_any_config(path, sets)));
    return 0;
  }
  const AnyConfig config = config_of(path, sets);
  const bool json = args.has("json");
  if (const auto* model = std::get_if<Config>(&config)) {
    const Network<float> network = planned(*model);
    show(json, json_of(network, *model), text_of(network, *model));
  } else {
    const auto& program = std::get<ProgramConfig>(config);
    show(json, json_of(program), text_of(program));
  }
  return 0;
}

}  // namespace

const Command kInspect = {"inspect", "CONFIG or CKPT [--set a.b=v]...",
                          "layer table: shapes, parameters, MACs, kernels; or what a program takes", run};

}  // namespace hone
