#include "trainer/report/junit.hpp"

#include <fmt/format.h>

namespace hone {

std::string xml_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&apos;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        escaped += (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f ? '?' : c;
      }
    }
  }
  return escaped;
}

std::string junit_xml(const JUnitCase& result) {
  const bool failed = !result.failure.empty();
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"{0}\" tests=\"1\" failures=\"{1}\" errors=\"0\">\n"
      "  <testcase classname=\"{0}\" name=\"{2}\">\n",
      xml_text(result.suite), failed ? 1 : 0, xml_text(result.name));
  if (failed) xml += fmt::format("    <failure message=\"{}\"/>\n", xml_text(result.failure));
  if (!result.output.empty()) xml += fmt::format("    <system-out>{}</system-out>\n", xml_text(result.output));
  return xml + "  </testcase>\n</testsuite>\n";
}

}  // namespace hone
