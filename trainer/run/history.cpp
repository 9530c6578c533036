#include "trainer/run/history.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "engine/base/file.hpp"

namespace hone {

namespace {

constexpr std::string_view kHeader =
    "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,images_per_second";
constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;

// The columns behind epoch and step.
constexpr std::array kValues = {&HistoryRow::learning_rate,       &HistoryRow::train_loss,
                                &HistoryRow::train_accuracy,      &HistoryRow::validation_loss,
                                &HistoryRow::validation_accuracy, &HistoryRow::seconds,
                                &HistoryRow::images_per_second};

template <class T>
void append_number(std::string& text, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) {  // one text for all of them, whatever their sign
      text += "nan";
      return;
    }
  }
  std::array<char, 32> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

// Cuts one line into fields, keeping the place for errors.
class LineReader {
 public:
  LineReader(std::string_view line, Location where, ErrorKind kind)
      : line_(line), where_(std::move(where)), kind_(kind) {}

  template <class T>
  T number() {
    const std::string_view field = next();
    T value{};
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (field.empty() || error != std::errc() || end != field.data() + field.size())
      fail("'" + std::string(field) + "' is not " +
           (std::is_integral_v<T> ? "an integer" : "a number; expected one, or nothing where it is unknown"));
    return value;
  }

  std::optional<double> optional_number() {
    if (at_end_of_field()) {
      next();
      return std::nullopt;
    }
    return number<double>();
  }

  void expect_end() {
    if (at_ <= line_.size()) fail("more fields than columns");
  }

 private:
  bool at_end_of_field() const { return at_ == line_.size() || (at_ < line_.size() && line_[at_] == ','); }

  std::string_view next() {
    where_.column = static_cast<int>(std::min(at_, line_.size())) + 1;
    if (at_ > line_.size()) fail("fewer fields than columns");
    const std::string_view field = line_.substr(at_, line_.find(',', at_) - at_);
    at_ += field.size() + 1;
    return field;
  }
  [[noreturn]] void fail(const std::string& problem) const { throw Error(kind_, where_, problem); }

  std::string_view line_;
  Location where_;
  ErrorKind kind_;
  std::size_t at_ = 0;
};

}  // namespace

std::string format_history(std::span<const HistoryRow> rows) {
  std::string csv(kHeader);
  csv += '\n';
  for (const HistoryRow& row : rows) {
    append_number(csv, row.epoch);
    csv += ',';
    append_number(csv, row.step);
    for (const auto value : kValues) {
      csv += ',';
      if (row.*value) append_number(csv, *(row.*value));
    }
    csv += '\n';
  }
  return csv;
}

std::vector<HistoryRow> parse_history(std::string_view csv, const std::string& file, ErrorKind kind) {
  std::vector<HistoryRow> rows;
  for (int line_number = 1; line_number == 1 || !csv.empty(); ++line_number) {
    const std::size_t end = csv.find('\n');
    const std::string_view line = csv.substr(0, end);
    if (end == std::string_view::npos) throw Error(kind, Location{file, line_number}, "the line has no end");
    csv.remove_prefix(end + 1);
    if (line_number == 1) {
      if (line != kHeader)
        throw Error(kind, Location{file, 1}, "is no history of a run; expected the columns " + std::string(kHeader));
      continue;
    }
    LineReader reader(line, Location{file, line_number}, kind);
    HistoryRow& row = rows.emplace_back();
    row.epoch = reader.number<std::int64_t>();
    row.step = reader.number<std::int64_t>();
    for (const auto value : kValues) row.*value = reader.optional_number();
    reader.expect_end();
  }
  return rows;
}

void write_history(const std::filesystem::path& path, std::span<const HistoryRow> rows) {
  write_file_atomically(path, format_history(rows));
}

std::vector<HistoryRow> read_history(const std::filesystem::path& path) {
  return parse_history(read_file(path, kMaxBytes, {.missing = ErrorKind::data, .follow_links = false}), path.string());
}

}  // namespace hone
