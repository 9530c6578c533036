#include "trainer/run/data.hpp"

#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/data/sampling.hpp"
#include "engine/graph/infer.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/run/json_object.hpp"

namespace hone {
namespace {

using nlohmann::json;

// nullptr where the config names files instead.
const DatasetInfo* info_of(const DataConfig& data) {
  return data.dataset.empty() ? nullptr : &known_dataset(data.dataset, data.where);
}

void check_classes(const Config& config, std::int64_t classes) {
  const InferContext inferred = infer_model(config.model);
  if (inferred.layers().empty())
    throw Error(ErrorKind::config, config.model.where, "the model has no layers; expected at least a dense layer");
  const Shape out = inferred.layers().back().output;
  if (classes > 0 && out.size() != classes)
    throw Error(ErrorKind::config, config.model.layers.back().where,
                "the last layer gives " + std::to_string(out.size()) + " values; expected one for each of the " +
                    std::to_string(classes) + " classes");
}

[[noreturn]] void damaged(const std::string& file, const char* key) {
  throw Error(ErrorKind::checkpoint, Location{file}, std::string(key) + " is damaged");
}

}  // namespace

const DatasetInfo& known_dataset(const std::string& name, const Location& where) {
  if (const DatasetInfo* info = find_dataset(name)) return *info;
  std::vector<std::string_view> names;
  for (const DatasetInfo& known : dataset_catalog()) names.push_back(known.name);
  throw Error(ErrorKind::config, where,
              "unknown data set '" + name + "'; expected one of " + joined(names) + did_you_mean(name, names));
}

void resolve_model(Config& config) {
  const DatasetInfo* known = info_of(config.data);
  if (known != nullptr) {
    if (!config.has_input()) config.model.input = known->shape;
    if (config.model.input != known->shape)
      throw Error(ErrorKind::config, config.model.where,
                  "model.input is " + to_string(config.model.input) + "; expected " + to_string(known->shape) +
                      ", the images of " + config.data.dataset);
  }
  if (config.has_input())
    check_classes(config, known != nullptr ? static_cast<std::int64_t>(known->classes.size()) : 0);
}

Dataset load_data(Config& config, const std::function<void()>& progress) {
  LoadOptions options;
  options.shape = config.model.input;
  options.skip_unreadable = config.data.skip_unreadable;
  options.progress = progress;
  Dataset data;
  if (const DatasetInfo* known = info_of(config.data))
    data = load_named_dataset(*known, options);
  else
    data = load_dataset(config.data.format, config.data.path, options);
  const auto seed = static_cast<std::uint64_t>(config.seed);
  if (config.data.limit.train) limit_split(data.train, *config.data.limit.train, seed, "limit.train", progress);
  if (config.data.limit.test) limit_split(data.test, *config.data.limit.test, seed, "limit.test", progress);
  // Images that the set itself holds back serve as they are.
  if (config.data.validation == 0)
    data.validation = {};
  else if (data.validation.count == 0)
    split_validation(data, config.data.validation, seed, progress);
  if (config.data.validation > 0 && data.validation.count == 0)
    throw Error(ErrorKind::config, config.data.where,
                "data.validation leaves no validation image out of " + std::to_string(data.train.count) +
                    "; expected more training images");
  config.model.input = data.shape;
  check_classes(config, static_cast<std::int64_t>(data.classes.size()));
  return data;
}

std::string format_labels(const std::vector<std::string>& labels) {
  return json(labels).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string format_normalization(const Normalization& normalization) {
  return json{{"mean", normalization.mean}, {"scale", normalization.scale}}.dump();
}

std::vector<std::string> parse_labels(const std::string& text, const std::string& file) {
  if (nested_too_deeply(text)) damaged(file, "hone.labels");
  try {
    return json::parse(text).get<std::vector<std::string>>();
  } catch (const json::exception&) {
    damaged(file, "hone.labels");
  }
}

Normalization parse_normalization(const std::string& text, const std::string& file) {
  if (nested_too_deeply(text)) damaged(file, "hone.normalize");
  try {
    const json object = json::parse(text);
    return {object.at("mean").get<std::vector<float>>(), object.at("scale").get<std::vector<float>>()};
  } catch (const json::exception&) {
    damaged(file, "hone.normalize");
  }
}

}  // namespace hone
