#include "trainer/tweak/journal.hpp"

#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"

namespace hone {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;

std::string line_of(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Trial outcome_of(const ordered_json& line, Config config, const std::string& file) {
  Trial trial;
  trial.config = std::move(config);
  trial.status = line.at("diverged").get<bool>()        ? RunStatus::diverged
                 : line.at("early_stopped").get<bool>() ? RunStatus::early_stopped
                                                        : RunStatus::finished;
  trial.validation_images = line.at("validation_images").get<std::int64_t>();
  trial.history = parse_history(line.at("history").get<std::string>(), file);
  return trial;
}

}  // namespace

Journal::Journal(const fs::path& path) {
  file_.emplace(path);
  read(read_file(path, kMaxBytes, {.missing = ErrorKind::data, .follow_links = false}), path.string());
}

void Journal::read(const std::string& text, const std::string& file) {
  Location where{file, 0, 0};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    ++where.line;
    try {
      const ordered_json line = ordered_json::parse(text.substr(at, end - at));
      const std::string event = line.at("event").get<std::string>();
      if (event == "start") {
        start_ = parse_config(line.at("config").get<std::string>(), file);
      } else if (event == "trial") {
        JournalTrial& trial = trials_.emplace_back();
        trial.number = line.at("trial").get<std::int64_t>();
        trial.base = line.at("base").get<std::int64_t>();
        trial.rule = line.at("rule").get<std::string>();
        trial.change = line.at("change").get<std::string>();
        trial.reason = line.at("reason").get<std::string>();
        trial.config = parse_config(line.at("config").get<std::string>(), file);
      } else if (event == "outcome" && !trials_.empty()) {
        JournalTrial& trial = trials_.back();
        Config config = parse_config(line.at("config").get<std::string>(), file);
        trial.outcome = outcome_of(line, std::move(config), file);
        trial.met = line.at("met").get<bool>();
        trial.seconds = line.at("seconds").get<double>();
        if (!line.at("test_accuracy").is_null()) trial.test_accuracy = line.at("test_accuracy").get<double>();
      } else if (event == "end") {
        ended_ = true;
      } else {
        throw Error(ErrorKind::data, where, "'" + event + "' is no event of a search");
      }
    } catch (const ordered_json::exception&) {
      throw Error(ErrorKind::data, where, "is no line of a search's journal");
    }
    at = end + 1;
  }
}

void Journal::write_start(const Config& config) {
  file_->append_line(line_of({{"event", "start"}, {"config", to_yaml(config)}}));
  start_ = config;
}

void Journal::write_trial(const JournalTrial& trial) {
  file_->append_line(line_of({{"event", "trial"},
                              {"trial", trial.number},
                              {"base", trial.base},
                              {"rule", trial.rule},
                              {"change", trial.change},
                              {"reason", trial.reason},
                              {"config", to_yaml(trial.config)}}));
  trials_.push_back(trial);
}

void Journal::write_outcome(const JournalTrial& trial) {
  const Trial& outcome = trial.outcome.value();
  ordered_json line = {{"event", "outcome"},
                       {"trial", trial.number},
                       {"diverged", outcome.status == RunStatus::diverged},
                       {"early_stopped", outcome.status == RunStatus::early_stopped},
                       {"met", trial.met},
                       {"test_accuracy", nullptr},
                       {"validation_images", outcome.validation_images},
                       {"seconds", trial.seconds},
                       {"history", format_history(outcome.history)},
                       {"config", to_yaml(outcome.config)}};
  if (trial.test_accuracy) line["test_accuracy"] = *trial.test_accuracy;
  file_->append_line(line_of(line));
  trials_.back() = trial;
}

void Journal::write_end() {
  file_->append_line(line_of({{"event", "end"}}));
  ended_ = true;
}

}  // namespace hone
