#include "trainer/run/json_object.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "trainer/config/yaml_document.hpp"

namespace hone {

using nlohmann::json;

bool nested_too_deeply(std::string_view json) {
  constexpr int kDeepest = 8;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if ((c == '[' || c == '{') && ++depth > kDeepest) return true;
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

json parse_json_object(const std::string& text, const Location& where) {
  std::set<std::string> keys;
  const auto refuse_duplicates = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 1 && event == json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second)
      throw Error(ErrorKind::data, where, in_quotes(parsed.get<std::string>()) + " is there twice");
    return true;
  };
  if (nested_too_deeply(text)) throw Error(ErrorKind::data, where, "is nested too deeply");
  json object;
  try {
    object = json::parse(text, refuse_duplicates);
  } catch (const json::parse_error& error) {
    throw Error(ErrorKind::data, where, "no JSON at byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    throw Error(ErrorKind::data, where, "holds a number that is too large");
  }
  if (!object.is_object()) throw Error(ErrorKind::data, where, "expected a JSON object");
  return object;
}

}  // namespace hone
