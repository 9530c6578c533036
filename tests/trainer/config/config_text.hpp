// A small config that is right, for tests to change.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "trainer/config/loader.hpp"

namespace hone::test {

inline constexpr const char* kSmall =
    "data: {dataset: mnist}\n"
    "model:\n"
    "  layers:\n"
    "    - conv: {filters: 8, kernel: 3}\n"
    "    - relu\n"
    "    - dense: 10\n";

inline Config parse(const std::string& text, const std::vector<std::string>& sets = {}) {
  return parse_config(text, "c.yaml", sets);
}

// The message of the Error(config) that `call` throws; "" where it throws none.
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::config) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "";
}

inline std::string error_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  return message_of([&] { parse(text, sets); });
}

inline std::string program_error_of(const std::string& text) {
  return message_of([&] { parse_program(text, "c.yaml"); });
}

}  // namespace hone::test
