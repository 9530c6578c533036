#include "trainer/config/check.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "trainer/config/option.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/config/yaml_document.hpp"

namespace hone {
namespace {

// repeat in repeat multiplies: a bound on what the planner is handed.
constexpr std::int64_t kMaxLayers = 10000;

[[noreturn]] void fail(const Location& where, const std::string& message) {
  throw Error(ErrorKind::config, where, message);
}

// Layers with every repeat written out. No sum of at most 1,000 counts of at most 10,000, 256 times, overflows.
std::int64_t count_layers(const std::vector<Component>& layers) {
  std::int64_t count = 0;
  for (const Component& layer : layers) {
    const std::int64_t below = count_layers(layer.layers);
    count += 1 + (layer.has("times") ? layer.integer("times") : 1) * below;
    if (count > kMaxLayers)
      fail(layer.where,
           "more than " + std::to_string(kMaxLayers) + " layers with every repeat written out; expected fewer");
  }
  return count;
}

void check_dataset(const std::string& name, const std::string& path, const Location& where) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (!plain) fail(where, path + " is " + in_quotes(name) + "; expected a name of letters, digits, '_' and '-'");
}

void check_data(const DataConfig& data) {
  check_dataset(data.dataset, "data.dataset", data.where);
  if (data.dataset.empty() && data.format.empty() && data.path.empty())
    fail(data.where, "data names no images; expected 'dataset', or 'format' and 'path'");
  if (!data.dataset.empty() && !(data.format.empty() && data.path.empty()))
    fail(data.where, std::string("data has both 'dataset' and '") + (data.format.empty() ? "path" : "format") +
                         "'; expected 'dataset', or 'format' and 'path'");
  if (data.dataset.empty() && data.path.empty()) fail(data.where, "data has 'format' and no 'path'; expected both");
  if (data.dataset.empty() && data.format.empty()) fail(data.where, "data has 'path' and no 'format'; expected both");
}

void check_schedule(const TrainConfig& train) {
  const Component& schedule = train.schedule;
  const auto epochs = static_cast<double>(train.epochs);
  if (schedule.type == "cosine" && schedule.real("warmup_epochs") > epochs)
    fail(schedule.where, "cosine.warmup_epochs is " + yaml_text(schedule.real("warmup_epochs")) + " and train.epochs " +
                             std::to_string(train.epochs) + "; expected no more warm-up than epochs");
  const double base = train.optimizer.has("learning_rate") ? train.optimizer.real("learning_rate") : 0;
  const auto at_least_base = [&](const char* option, bool upper) {
    const double value = schedule.real(option);
    if (upper ? value < base : value > base)
      fail(schedule.where, schedule.type + "." + option + " is " + yaml_text(value) +
                               " and the optimizer's learning_rate " + yaml_text(base) + "; expected " +
                               (upper ? "at least" : "at most") + " the learning rate");
  };
  if (schedule.type == "one_cycle") at_least_base("max_learning_rate", true);
  if (schedule.type == "cosine") at_least_base("min_learning_rate", false);
}

void check_train(const TrainConfig& train, double validation) {
  const std::string needs = " needs validation images and data.validation is 0; expected a share above 0";
  if (validation == 0 && train.early_stop) fail(train.early_stop->where, "train.early_stop" + needs);
  if (validation == 0 && train.schedule.type == "plateau") fail(train.schedule.where, "the plateau schedule" + needs);
  const Component& optimizer = train.optimizer;
  if (optimizer.has("nesterov") && optimizer.boolean("nesterov") && optimizer.real("momentum") == 0)
    fail(optimizer.where, optimizer.type + ".nesterov needs momentum and it is 0; expected a momentum above 0");
  check_schedule(train);
}

void check_range(const Parameter& parameter, const std::string& path) {
  const bool whole = parameter.kind == ParameterKind::integer;
  const auto text = [&](double value) { return yaml_text(value); };
  if (parameter.low > parameter.high)
    fail(parameter.where, path + " has low " + text(parameter.low) + " and high " + text(parameter.high) +
                              "; expected low no greater than high");
  if (parameter.log && parameter.low <= 0)
    fail(parameter.where, path + " has log and low " + text(parameter.low) + "; expected low above 0");
  if (!parameter.preferred) return;
  const double preferred = whole ? static_cast<double>(std::get<std::int64_t>(*parameter.preferred))
                                 : std::get<double>(*parameter.preferred);
  if (preferred < parameter.low || preferred > parameter.high)
    fail(parameter.where, path + ".default is " + text(preferred) + "; expected a value from low " +
                              text(parameter.low) + " to high " + text(parameter.high));
}

void check_choice(const Parameter& parameter, const std::string& path) {
  const auto& values = parameter.values;
  if (!parameter.preferred || std::find(values.begin(), values.end(), *parameter.preferred) != values.end()) return;
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const OptionValue& value : values) texts.push_back(yaml_text(value));
  const std::vector<std::string_view> words(texts.begin(), texts.end());
  const std::string given = yaml_text(*parameter.preferred);
  fail(parameter.where,
       path + ".default is " + given + "; expected one of " + joined(words) + did_you_mean(given, words));
}

}  // namespace

void check(const Config& config) {
  check_data(config.data);
  count_layers(config.model.layers);
  check_train(config.train, config.data.validation);
}

void check(const ProgramConfig& config) {
  check_dataset(config.program.dataset, "program.dataset", config.program.where);
  for (const Parameter& parameter : config.program.parameters) {
    const std::string path = "program.parameters." + parameter.name;
    if (parameter.kind == ParameterKind::choice)
      check_choice(parameter, path);
    else
      check_range(parameter, path);
  }
}

}  // namespace hone
