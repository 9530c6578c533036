// JUnit XML: how a CI server is told that a gate was met.
#pragma once

#include <string>
#include <string_view>

namespace hone {

struct JUnitCase {
  std::string suite;    // "hone.gate"
  std::string name;     // "lenet: accuracy at least 0.98"
  std::string failure;  // empty: passed
  std::string output;   // shown with it
};

// A suite of one case.
std::string junit_xml(const JUnitCase& result);

// Text for XML: & < > " ' escaped, what XML can't hold replaced by '?'.
std::string xml_text(std::string_view text);

}  // namespace hone
