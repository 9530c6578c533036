#include "trainer/report/parameters.hpp"

#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "trainer/run/json_object.hpp"

namespace hone {

std::vector<std::pair<std::string, std::string>> parse_parameters(std::string_view json) {
  using nlohmann::ordered_json;
  constexpr std::size_t kMost = 100,
                        kMostBytes = std::size_t{1} << 16;  // an object in order looks through all its names
  if (json.size() > kMostBytes) throw Error(ErrorKind::data, "a program's parameters are longer than 64 KiB");
  const ordered_json object = nested_too_deeply(json) ? ordered_json() : ordered_json::parse(json, nullptr, false);
  if (!object.is_object()) throw Error(ErrorKind::data, "a program's parameters are no JSON object");
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& [name, value] : object.items()) {
    if (parameters.size() == kMost) break;
    // What is nested is not written out: that takes as much stack as it is deep.
    parameters.emplace_back(
        name, value.is_structured() ? "..." : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  }
  return parameters;
}

}  // namespace hone
