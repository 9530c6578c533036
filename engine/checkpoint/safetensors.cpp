#include "engine/checkpoint/safetensors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/base/error.hpp"

namespace hone {

namespace {

using nlohmann::json;

// Reads the JSON as a stream of events: nothing is built that the format does not have, and nesting deeper than the
// format's three levels is refused where it starts.
class HeaderHandler : public json::json_sax_t {
 public:
  HeaderHandler(SafetensorsHeader& header) : header_(header) {}
  const std::string& problem() const { return problem_; }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return unexpected("a number that is no integer"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::shape) {
      if (value > static_cast<number_unsigned_t>(INT64_MAX)) return fail("tensor " + quoted() + ": shape too large");
      tensor().shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (state_ == State::offsets && offsets_ < 2) {
      (offsets_++ == 0 ? tensor().begin : tensor().end) = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(string_t& value) override {
    if (state_ == State::metadata) {
      header_.metadata[key_] = value;
      return true;
    }
    if (state_ == State::tensor && key_ == "dtype") {
      tensor().dtype = value;
      return true;
    }
    return unexpected("a string");
  }

  bool start_object(std::size_t) override {
    if (state_ == State::start) return enter(State::root);
    if (state_ != State::root) return unexpected("an object");
    if (key_ == "__metadata__") return enter(State::metadata);
    header_.tensors.push_back({key_, {}, {}, 0, 0});
    has_dtype_ = has_shape_ = has_offsets_ = false;
    return enter(State::tensor);
  }

  bool key(string_t& value) override {
    key_ = value;
    if (state_ == State::root && !names_.insert(value).second) return fail("'" + value + "' is there twice");
    if (state_ == State::metadata && !header_.metadata.emplace(value, "").second)
      return fail("metadata '" + value + "' is there twice");
    if (state_ != State::tensor) return true;
    bool* seen = value == "dtype"          ? &has_dtype_
                 : value == "shape"        ? &has_shape_
                 : value == "data_offsets" ? &has_offsets_
                                           : nullptr;
    if (seen == nullptr || *seen) return fail("tensor " + quoted() + ": unexpected key '" + value + "'");
    return *seen = true;
  }

  bool end_object() override {
    if (state_ == State::tensor && !(has_dtype_ && has_shape_ && has_offsets_))
      return fail("tensor " + quoted() + " lacks one of dtype, shape, data_offsets");
    return enter(state_ == State::root ? State::end : State::root);
  }

  bool start_array(std::size_t) override {
    if (state_ == State::tensor && key_ == "shape") return enter(State::shape);
    if (state_ != State::tensor || key_ != "data_offsets") return unexpected("a list");
    offsets_ = 0;
    return enter(State::offsets);
  }

  bool end_array() override {
    if (state_ == State::offsets && offsets_ != 2) return fail("tensor " + quoted() + ": data_offsets are not two");
    return enter(State::tensor);
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("no JSON at byte " + std::to_string(position));
  }

 private:
  enum class State { start, root, metadata, tensor, shape, offsets, end };

  SafetensorsEntry& tensor() { return header_.tensors.back(); }
  std::string quoted() { return "'" + tensor().name + "'"; }
  bool enter(State state) {
    state_ = state;
    return true;
  }
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool unexpected(const std::string& what) {
    return fail("unexpected " + what + (key_.empty() ? "" : " at '" + key_ + "'"));
  }

  SafetensorsHeader& header_;
  State state_ = State::start;
  std::string key_, problem_;
  std::set<std::string> names_;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  int offsets_ = 0;
};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What is wrong with where the tensor's data lie; `at`: where the one before ends.
std::string layout_problem(const SafetensorsEntry& tensor, std::uint64_t at, std::uint64_t data_bytes) {
  if (std::any_of(tensor.name.begin(), tensor.name.end(), is_control)) return "has control characters in its name";
  if (tensor.dtype != "F32") return "is of type " + tensor.dtype + "; only F32 is supported";
  std::uint64_t bytes = sizeof(float);
  for (const std::int64_t extent : tensor.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) return "has a shape too large";
  if (tensor.begin != at) return "does not start where the tensor before it ends";
  if (tensor.end < tensor.begin || tensor.end > data_bytes) return "reaches beyond the end of the file";
  if (tensor.end - tensor.begin != bytes) return "has a size that is not its shape's";
  return {};
}

}  // namespace

std::string format_safetensors(const SafetensorsHeader& header) {
  // Written by hand but for the strings: the order of the tensors is the order of their data.
  std::string text = "{\"__metadata__\":";
  try {
    text += json(header.metadata).dump();
    for (const SafetensorsEntry& tensor : header.tensors) {
      text += "," + json(tensor.name).dump() + ":{\"dtype\":" + json(tensor.dtype).dump() +
              ",\"shape\":" + json(tensor.shape).dump() + ",\"data_offsets\":[" + std::to_string(tensor.begin) + "," +
              std::to_string(tensor.end) + "]}";
    }
  } catch (const json::exception& error) {
    throw Error(ErrorKind::internal, std::string("checkpoint header: ") + error.what());
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kSafetensorsMaxHeader) throw Error(ErrorKind::internal, "checkpoint header: longer than 64 MiB");
  std::string prefix(kSafetensorsPrefix, '\0');
  for (std::size_t i = 0; i < prefix.size(); ++i) prefix[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  return prefix + text;
}

SafetensorsHeader parse_safetensors(std::string_view json_text, std::uint64_t data_bytes, const std::string& file) {
  const auto refuse = [&](std::string problem) {
    std::replace_if(problem.begin(), problem.end(), is_control, '?');  // names out of a damaged file: one line still
    throw Error(ErrorKind::checkpoint, Location{file}, problem);
  };
  SafetensorsHeader header;
  HeaderHandler handler(header);
  if (!json_text.starts_with('{') || !json::sax_parse(json_text, &handler))
    refuse("is not a safetensors file, or damaged: header: " +
           (handler.problem().empty() ? "no JSON object" : handler.problem()));
  std::uint64_t at = 0;
  for (const SafetensorsEntry& tensor : header.tensors) {
    const std::string problem = layout_problem(tensor, at, data_bytes);
    if (!problem.empty()) refuse("tensor '" + tensor.name + "' " + problem);
    at = tensor.end;
  }
  if (at != data_bytes)
    refuse("holds " + std::to_string(data_bytes) + " bytes of data; its header describes " + std::to_string(at));
  return header;
}

}  // namespace hone
