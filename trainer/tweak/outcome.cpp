#include "trainer/tweak/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/tweak/edit.hpp"
#include "trainer/tweak/search.hpp"

namespace hone {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const JournalTrial& trial) {
  const Trial& outcome = trial.outcome.value();
  std::optional<double> validation;
  for (const HistoryRow& row : outcome.history)
    if (row.validation_accuracy) validation = std::max(validation.value_or(0), *row.validation_accuracy);
  const Cost cost = cost_of(outcome.config.model);
  return {{"trial", trial.number},
          {"folder", "trial-" + std::to_string(trial.number)},
          {"base", trial.base},
          {"rule", trial.rule},
          {"change", trial.change},
          {"reason", trial.reason},
          {"status", to_string(outcome.status)},
          {"validation_accuracy", json_of(validation)},
          {"epochs", outcome.config.train.epochs},
          {"parameters", cost.parameters},
          {"macs_per_image", cost.macs},
          {"seconds", trial.seconds}};
}

std::string share_text(const ordered_json& value) { return value.is_null() ? "unknown" : percent(value.get<double>()); }

}  // namespace

std::string format_outcome(const Outcome& outcome) {
  ordered_json object = {{"name", outcome.name},
                         {"target", outcome.target},
                         {"met", outcome.met},
                         {"ended_because", outcome.ended_because},
                         {"accuracy_before", json_of(outcome.before)},
                         {"accuracy_after", json_of(outcome.after)},
                         {"best", outcome.best},
                         {"folder", "trial-" + std::to_string(outcome.best)},
                         {"changes", outcome.changes},
                         {"trials", ordered_json::array()}};
  for (const JournalTrial& trial : outcome.trials) object["trials"].push_back(json_of(trial));
  return object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

bool outcome_met(const std::string& json, const std::string& file) {
  try {
    return ordered_json::parse(json).at("met").get<bool>();
  } catch (const ordered_json::exception&) {
    throw Error(ErrorKind::data, Location{file}, "is no outcome of a search");
  }
}

std::string search_summary(const std::string& json, const std::filesystem::path& folder) {
  try {
    const ordered_json object = ordered_json::parse(json);
    const auto best = object.at("best").get<std::size_t>();
    std::string text = "trial  validation  parameters  epochs  what\n";
    for (const ordered_json& trial : object.at("trials"))
      text += fmt::format("{:>5}  {:>10}  {:>10}  {:>6}  {}: {}\n", trial.at("trial").get<int>(),
                          share_text(trial.at("validation_accuracy")),
                          with_commas(trial.at("parameters").get<std::int64_t>()), trial.at("epochs").get<int>(),
                          trial.at("rule").get<std::string>(), trial.at("change").get<std::string>());
    text += "\nwhat was changed, and why\n";
    // From the user's own model to the best one, step by step.
    std::vector<std::string> steps;
    for (std::size_t at = best; at != 0; at = object.at("trials").at(at).at("base").get<std::size_t>()) {
      const ordered_json& trial = object.at("trials").at(at);
      steps.push_back(fmt::format("  {}: {}, because {}\n", trial.at("rule").get<std::string>(),
                                  trial.at("change").get<std::string>(), trial.at("reason").get<std::string>()));
    }
    if (steps.empty()) steps.emplace_back("  nothing\n");
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) text += *step;
    return text + fmt::format("\naccuracy on the test split: {} before, {} after; target {}: {} ({})\nrun folder: {}\n",
                              share_text(object.at("accuracy_before")), share_text(object.at("accuracy_after")),
                              percent(object.at("target").get<double>()),
                              object.at("met").get<bool>() ? "met" : "not met",
                              object.at("ended_because").get<std::string>(),
                              (folder / object.at("folder").get<std::string>()).string());
  } catch (const ordered_json::exception&) {
    throw Error(ErrorKind::data, Location{(folder / "search.json").string()}, "is no outcome of a search");
  }
}

}  // namespace hone
