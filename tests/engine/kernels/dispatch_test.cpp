// The choice of kernels, and that no table has a hole.
#include "engine/kernels/dispatch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

// What a new process chooses where HONE_ISA is `wanted`: it is decided once.
void expect_choice(const char* wanted, const std::string& name, const std::string& reason) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        if (wanted == nullptr)
          unsetenv("HONE_ISA");
        else
          setenv("HONE_ISA", wanted, 1);
        const IsaChoice& choice = chosen_isa();
        const bool right = choice.name == name && choice.reason.find(reason) != std::string::npos &&
                           kernel_table<float>().name == name;
        std::exit(right ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Dispatch, TheBestUnlessAskedOtherwise) {
  const auto isas = available_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), "reference");
  expect_choice(nullptr, std::string(isas.back()), "fastest");
  expect_choice("", std::string(isas.back()), "fastest");
  for (const std::string_view isa : isas) expect_choice(std::string(isa).c_str(), std::string(isa), "HONE_ISA");
}

TEST(Dispatch, HasWhatEveryMachineOfItsKindHas) {
  const auto isas = available_isas();
#if defined(__x86_64__)
  EXPECT_EQ(std::count(isas.begin(), isas.end(), "sse2"), 1);
#elif defined(__aarch64__)
  EXPECT_EQ(isas.back(), "neon64");
#endif
}

TEST(Dispatch, UnknownNamesAreRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_HONE_ERROR(kernel_table<float>("avx1024"), usage, "avx1024", "expected one of reference");
  EXPECT_EXIT(
      {
        setenv("HONE_ISA", "avx1024", 1);
        try {
          chosen_isa();
        } catch (const Error& error) {
          std::exit(error.exit_code());
        }
        std::exit(0);
      },
      ::testing::ExitedWithCode(2), "");
}

TEST(Dispatch, AsManyLanesAsTheVectorIsWide) {
  const auto isas = available_isas();
  for (const auto& [name, lanes] : {std::pair{"reference", 1}, {"sse2", 4}, {"avx2", 8}, {"avx512", 16}, {"neon64", 4}})
    if (std::find(isas.begin(), isas.end(), name) != isas.end()) {
      EXPECT_EQ(kernel_table<float>(name).lanes, lanes);
      EXPECT_STREQ(kernel_table<float>(name).name, name);
    }
  EXPECT_EQ(kernel_table<double>().lanes, 1);
}

TEST(Dispatch, NoTableHasAHole) {
  using Table = KernelTable<float>;
  static_assert(std::is_trivially_copyable_v<Table>);
  constexpr std::size_t kFirst = offsetof(Table, conv_prepare);
  for (const std::string_view isa : available_isas()) {
    const Table& table = kernel_table<float>(isa);
    for (std::size_t at = kFirst; at < sizeof(Table); at += sizeof(void*)) {
      void* kernel = nullptr;
      std::memcpy(&kernel, reinterpret_cast<const char*>(&table) + at, sizeof kernel);
      EXPECT_NE(kernel, nullptr) << isa << ": kernel number " << (at - kFirst) / sizeof(void*);
    }
  }
}

}  // namespace
}  // namespace hone
