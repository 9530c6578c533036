#include "trainer/run/train_state.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "trainer/run/json_object.hpp"

namespace hone {
namespace {

using nlohmann::json;

std::int64_t count_of(const Metadata& metadata, const std::string& key, const std::string& file) {
  const std::string& text = metadata_text(metadata, key, file);
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw Error(ErrorKind::checkpoint, Location{file}, key + " is '" + text + "'; expected a count");
  return value;
}

// Calls visit(name, member) for what hone.state holds.
template <class State, class Visit>
void for_each(State& s, Visit visit) {
  visit("loss_sum", s.loss_sum);
  visit("correct", s.correct);
  visit("images", s.images);
  visit("epoch_seconds", s.epoch_seconds);
  visit("train_seconds", s.train_seconds);
  visit("trained_images", s.trained_images);
  visit("best_accuracy", s.best_accuracy);
  visit("stale_epochs", s.stale_epochs);
  visit("stopped_early", s.stopped_early);
  visit("retries", s.retries);
  visit("rate_scale", s.rate_scale);
}

}  // namespace

std::vector<double> TrainState::validation_losses() const {
  std::vector<double> losses;
  for (const HistoryRow& row : history)
    if (row.validation_loss) losses.push_back(*row.validation_loss);
  return losses;
}

const std::string& metadata_text(const Metadata& metadata, const std::string& key, const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    throw Error(ErrorKind::checkpoint, Location{file}, "has no " + key + "; expected a checkpoint of hone train");
  return found->second;
}

void write_state(const TrainState& state, Metadata& metadata) {
  metadata["hone.step"] = std::to_string(state.step);
  metadata["hone.epoch"] = std::to_string(state.epoch);
  metadata["hone.cursor"] = std::to_string(state.cursor);
  metadata["hone.history"] = format_history(state.history);
  nlohmann::ordered_json rest;
  for_each(state, [&](const char* name, const auto& value) { rest[name] = value; });
  metadata["hone.state"] = rest.dump();  // shortest digits that read back as the same double
}

TrainState read_state(const Metadata& metadata, const std::string& file) {
  TrainState state;
  state.step = count_of(metadata, "hone.step", file);
  state.epoch = count_of(metadata, "hone.epoch", file);
  state.cursor = count_of(metadata, "hone.cursor", file);
  state.history = parse_history(metadata_text(metadata, "hone.history", file), file, ErrorKind::checkpoint);
  const std::string& text = metadata_text(metadata, "hone.state", file);
  if (nested_too_deeply(text)) throw Error(ErrorKind::checkpoint, Location{file}, "hone.state is damaged");
  try {
    const json rest = json::parse(text);
    for_each(state, [&](const char* name, auto& value) { rest.at(name).get_to(value); });
  } catch (const json::exception&) {
    throw Error(ErrorKind::checkpoint, Location{file}, "hone.state is damaged");
  }
  return state;
}

}  // namespace hone
