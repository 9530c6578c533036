#include "trainer/run/json_object.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "trainer/config/yaml_document.hpp"

namespace hone {

using nlohmann::json;

json parse_json_object(const std::string& text, const Location& where) {
  std::set<std::string> keys;
  const auto refuse_duplicates = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 1 && event == json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second)
      throw Error(ErrorKind::data, where, in_quotes(parsed.get<std::string>()) + " is there twice");
    return true;
  };
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
