#include "trainer/run/metrics_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "trainer/run/json_object.hpp"

namespace hone {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostImages = std::uint64_t{1} << 40;  // sums of a hundred times a hundred stay exact
constexpr double kAny = std::numeric_limits<double>::infinity();
constexpr std::array kStatusNames = {"finished", "early_stopped", "diverged", "interrupted"};

struct Range {
  double minimum = 0, maximum = kAny;
};

// Calls visit(name, field, range) for every field, in the order of the file.
template <class M, class Visit>
void for_each_field(M& metrics, Visit visit) {
  visit("name", metrics.name, Range{});
  visit("kind", metrics.kind, Range{});
  visit("status", metrics.status, Range{});
  visit("metric", metrics.metric, Range{});
  visit("value", metrics.value, Range{-kAny, kAny});
  visit("target", metrics.target, Range{0, 1});
  visit("met", metrics.met, Range{});
  visit("accuracy", metrics.accuracy, Range{0, 1});
  visit("loss", metrics.loss, Range{-kAny, kAny});
  visit("validation_accuracy", metrics.validation_accuracy, Range{0, 1});
  visit("epochs_done", metrics.epochs_done, Range{});
  visit("images_per_second", metrics.images_per_second, Range{});
  visit("train_seconds", metrics.train_seconds, Range{});
  visit("parameters", metrics.parameters, Range{});
  visit("macs_per_image", metrics.macs_per_image, Range{});
  visit("peak_rss_bytes", metrics.peak_rss_bytes, Range{});
  visit("threads", metrics.threads, Range{});
  visit("isa", metrics.isa, Range{});
  visit("seed", metrics.seed, Range{});
  visit("commit", metrics.commit, Range{});
  visit("version", metrics.version, Range{});
  visit("test_images", metrics.test_images, Range{});
  visit("validation_images", metrics.validation_images, Range{});
  visit("confusion", metrics.confusion, Range{});
}

// Reads one field; the text says what is wrong with it.
std::string read_field(const json& value, std::optional<std::string>& field) {
  if (!value.is_string()) return "expected a string or null";
  field = value.get<std::string>();
  return {};
}

std::string read_field(const json& value, std::optional<bool>& field) {
  if (!value.is_boolean()) return "expected true, false or null";
  field = value.get<bool>();
  return {};
}

std::string read_field(const json& value, std::optional<double>& field) {
  if (!value.is_number()) return "expected a number or null";
  field = value.get<double>();
  return {};
}

std::string read_field(const json& value, std::optional<std::int64_t>& field) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return "expected a count or null";
  field = value.get<std::int64_t>();
  return {};
}

std::string read_field(const json& value, std::optional<std::uint64_t>& field) {
  if (!value.is_number_unsigned()) return "expected an integer that is not negative, or null";
  field = value.get<std::uint64_t>();
  return {};
}

std::string read_field(const json& value, std::optional<Confusion>& field) {
  constexpr const char* kExpected = "expected labels and a square of counts, or null";
  const auto labels = value.find("labels"), counts = value.find("counts");
  if (!value.is_object() || labels == value.end() || counts == value.end()) return kExpected;
  const std::size_t classes = labels->size();
  if (!labels->is_array() || !counts->is_array() || counts->size() != classes || classes > kMostConfusionClasses)
    return kExpected;
  Confusion& read = field.emplace();
  for (std::size_t k = 0; k < classes; ++k) {
    const json &label = (*labels)[k], &row = (*counts)[k];
    if (!label.is_string() || !row.is_array() || row.size() != classes) return kExpected;
    read.labels.push_back(label.get<std::string>());
    read.counts.emplace_back();
    for (const json& count : row) {
      if (!count.is_number_unsigned() || count.get<std::uint64_t>() > kMostImages) return kExpected;
      read.counts.back().push_back(count.get<std::int64_t>());
    }
  }
  return {};
}

std::string read_field(const json& value, RunStatus& field) {
  const auto* const found =
      value.is_string() ? std::find(kStatusNames.begin(), kStatusNames.end(), value.get_ref<const std::string&>())
                        : kStatusNames.end();
  if (found == kStatusNames.end()) return "expected finished, early_stopped, diverged or interrupted";
  field = static_cast<RunStatus>(found - kStatusNames.begin());
  return {};
}

template <class T>
bool in_range(const std::optional<T>& field, const Range& range) {
  if constexpr (std::is_same_v<T, double>) return !field || (*field >= range.minimum && *field <= range.maximum);
  return true;
}

bool in_range(RunStatus, const Range&) { return true; }

// The last field's value: indented as the rest, it would have a line for each number.
std::string one_row_a_line(const Confusion& confusion) {
  const ordered_json labels = confusion.labels;
  std::string text = "{\n    \"labels\": " + labels.dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
                     ",\n    \"counts\": [";
  for (std::size_t k = 0; k < confusion.counts.size(); ++k)
    text += (k > 0 ? ",\n      " : "\n      ") + ordered_json(confusion.counts[k]).dump();
  return text + "]\n  }";
}

}  // namespace

std::string to_string(RunStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::string format_metrics(const Metrics& metrics) {
  ordered_json object;
  for_each_field(metrics, [&](const char* name, const auto& field, const Range&) {
    if constexpr (std::is_same_v<decltype(field), const RunStatus&>) {
      object[name] = to_string(field);
    } else {
      object[name] = nullptr;
      if constexpr (!std::is_same_v<decltype(field), const std::optional<Confusion>&>)
        if (field) object[name] = *field;  // not finite: dumped as null
    }
  });
  std::string text = object.dump(2, ' ', false, ordered_json::error_handler_t::replace);
  if (metrics.confusion) {
    text.resize(text.size() - std::string_view("null\n}").size());
    text += one_row_a_line(*metrics.confusion) + "\n}";
  }
  return text + "\n";
}

void write_metrics(const std::filesystem::path& path, const Metrics& metrics) {
  write_file_atomically(path, format_metrics(metrics));
}

Metrics read_metrics(const std::filesystem::path& path) {
  const Location where{path.string()};
  const json object =
      parse_json_object(read_file(path, kMaxBytes, {.missing = ErrorKind::data, .follow_links = false}), where);
  Metrics metrics;
  if (!object.contains("status")) throw Error(ErrorKind::data, where, "has no status");
  for_each_field(metrics, [&](const char* name, auto& field, const Range& range) {
    constexpr bool is_status = std::is_same_v<decltype(field), RunStatus&>;
    const auto found = object.find(name);
    if (found == object.end() || (found->is_null() && !is_status)) return;
    std::string problem = read_field(*found, field);
    if (problem.empty() && !in_range(field, range))
      problem = range.maximum <= 1 ? "expected a number in [0, 1]" : "expected a number that is not negative";
    if (!problem.empty()) throw Error(ErrorKind::data, where, std::string(name) + ": " + problem);
  });
  constexpr std::array kKinds = {"cnn", "dense", "program"};
  if (metrics.kind && std::find(kKinds.begin(), kKinds.end(), *metrics.kind) == kKinds.end())
    throw Error(ErrorKind::data, where, "kind: expected cnn, dense or program");
  if (metrics.target && *metrics.target <= 0)
    throw Error(ErrorKind::data, where, "target: expected a number in (0, 1]");
  return metrics;
}

}  // namespace hone
