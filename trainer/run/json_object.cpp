#include "trainer/run/json_object.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "trainer/config/yaml_document.hpp"

namespace hone {

using nlohmann::json;

namespace {

// Looks for a name of the outermost object that is there twice: the parser takes the last one in silence. (Its
// callbacks tell of names as well, but take a time that grows with the square of a list's length.)
class NamesOnce : public json::json_sax_t {
 public:
  const std::string& twice() const { return twice_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(1); }
  bool end_object() override { return enter(-1); }
  bool start_array(std::size_t) override { return enter(1); }
  bool end_array() override { return enter(-1); }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

  bool key(string_t& name) override {
    if (depth_ > 1 || names_.insert(name).second) return true;
    twice_ = name;
    return false;
  }

 private:
  bool enter(int levels) {
    depth_ += levels;
    return true;
  }

  int depth_ = 0;
  std::set<std::string> names_;
  std::string twice_;
};

}  // namespace

bool nested_too_deeply(std::string_view text) {
  constexpr int kDeepest = 8;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if ((c == '[' || c == '{') && ++depth > kDeepest) return true;
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

json parse_json_object(const std::string& text, const Location& where) {
  if (nested_too_deeply(text)) throw Error(ErrorKind::data, where, "is nested too deeply");
  NamesOnce names;
  json::sax_parse(text, &names);
  if (!names.twice().empty()) throw Error(ErrorKind::data, where, in_quotes(names.twice()) + " is there twice");
  json object;
  try {
    object = json::parse(text);
  } catch (const json::parse_error& error) {
    throw Error(ErrorKind::data, where, "no JSON at byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    throw Error(ErrorKind::data, where, "holds a number that is too large");
  }
  if (!object.is_object()) throw Error(ErrorKind::data, where, "expected a JSON object");
  return object;
}

}  // namespace hone
