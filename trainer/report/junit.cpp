#include "trainer/report/junit.hpp"

#include <fmt/format.h>

#include "trainer/report/escape.hpp"

namespace hone {

std::string junit_xml(const JUnitCase& result) {
  const bool failed = !result.failure.empty();
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"{0}\" tests=\"1\" failures=\"{1}\" errors=\"0\">\n"
      "  <testcase classname=\"{0}\" name=\"{2}\">\n",
      markup_text(result.suite), failed ? 1 : 0, markup_text(result.name));
  if (failed) xml += fmt::format("    <failure message=\"{}\"/>\n", markup_text(result.failure));
  if (!result.output.empty())
    xml += fmt::format("    <system-out>{}</system-out>\n", markup_text(result.output, Lines::many));
  return xml + "  </testcase>\n</testsuite>\n";
}

}  // namespace hone
