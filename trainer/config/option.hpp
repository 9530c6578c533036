// Values of options: read from YAML against their table, and written back.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/component.hpp"
#include "trainer/config/yaml_document.hpp"

namespace hone {

// What the table asks for, as an error message says it: "an integer from 1 to 8192".
std::string expected(const OptionSpec& spec);

// The node's value; `path` names it in the error ("conv.filters"). Throws Error(config) at the node where it is of the
// wrong type or out of range.
OptionValue read_option(const YamlNode& node, const OptionSpec& spec, std::string_view path);

// A scalar by how it is written: true or false, an integer, a number, else a text of at most max_bytes. Throws
// Error(config) where it is none of them.
OptionValue read_scalar(const YamlNode& node, std::string_view path, double max_bytes);

// The value that an absent key has. Only for a spec with a fallback.
OptionValue fallback_value(const OptionSpec& spec);

// YAML text on one line that reads back as the same value; numbers as short as they can be.
std::string yaml_text(const OptionValue& value);
std::string yaml_text(double value);
std::string yaml_text(std::string_view text);

}  // namespace hone
