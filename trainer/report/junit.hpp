// JUnit XML: how a CI server is told that a gate was met.
#pragma once

#include <string>

namespace hone {

struct JUnitCase {
  std::string suite;    // "hone.gate"
  std::string name;     // "lenet: accuracy at least 0.98"
  std::string failure;  // empty: passed
  std::string output;   // shown with it
};

// A suite of one case.
std::string junit_xml(const JUnitCase& result);

}  // namespace hone
