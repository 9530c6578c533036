// The config's JSON Schema, for editors and for checking without hone.
#pragma once

#include <string>

namespace hone {

// Draft 2020-12, strict: no key that the loader would refuse passes. Made from the loader's own tables; what no single
// key can tell (check.cpp) is left to the loader, but for `dataset` or `format` and `path`.
std::string json_schema();

}  // namespace hone
