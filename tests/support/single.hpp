// What tests of the kernels for a few images share.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "engine/kernels/dispatch.hpp"
#include "tests/support/kernels.hpp"

namespace hone::test {

inline constexpr std::int64_t kFewImages = 3;

// Values that a kernel writes, between guards that it must not touch.
struct Output {
  explicit Output(std::int64_t count) : values(static_cast<std::size_t>(count) + 2 * kGuard, kUntouched) {}
  float* data() { return values.data() + kGuard; }
  std::vector<float> get() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(values[i], kUntouched) << "written before the output";
      EXPECT_EQ(values[values.size() - 1 - i], kUntouched) << "written behind the output";
    }
    return {values.begin() + kGuard, values.end() - kGuard};
  }
  static constexpr std::size_t kGuard = 64;
  static constexpr float kUntouched = -12345.0f;
  std::vector<float> values;
};

// Calls body(table) for every ISA that has kernels for a few images.
template <class Body>
void for_each_single_table(const Body& body) {
  int tables = 0;
  for (const std::string_view isa : available_isas()) {
    const KernelTable<float>* table = single_kernel_table<float>(isa);
    if (table == nullptr) continue;
    SCOPED_TRACE(isa);
    EXPECT_EQ(table->lanes, 1);
    body(*table);
    ++tables;
  }
  EXPECT_EQ(tables + 1, static_cast<int>(available_isas().size()));  // all but the reference
}

}  // namespace hone::test
