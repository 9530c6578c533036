// What a call throws, for tests of errors.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace hone::testing {

// Expects Error(kind) whose one line holds every one of `parts`.
template <class Call, class... Parts>
void expect_error(ErrorKind kind, Call call, const Parts&... parts) {
  try {
    call();
    ADD_FAILURE() << "no error; expected exit code " << static_cast<int>(kind);
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_EQ(error.exit_code(), static_cast<int>(kind)) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    for (const std::string_view part : {std::string_view(), std::string_view(parts)...})
      EXPECT_NE(line.find(part), std::string::npos) << "'" << part << "' is not in: " << line;
  }
}

}  // namespace hone::testing

// The same for one expression: EXPECT_HONE_ERROR(load(path), data, "part", "part").
#define EXPECT_HONE_ERROR(expression, kind, ...) \
  ::hone::testing::expect_error(                 \
      ::hone::ErrorKind::kind, [&] { (void)(expression); }, __VA_ARGS__)
