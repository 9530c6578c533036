#include "trainer/run/history.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <limits>
#include <locale>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;

const std::string kColumns =
    "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,"
    "images_per_second\n";

std::vector<HistoryRow> sample() {
  return {{1, 844, 0.01, 0.1 + 0.2, 0.9375, 0.0625, 1.0 / 3, 1.5, 36000},
          {2, 1688, 1e-7, 5e-324, 1, std::nullopt, std::nullopt, 0, std::nullopt}};
}

TEST(History, TextIsWhatTheContractSays) {
  EXPECT_EQ(format_history(sample()), kColumns +
                                          "1,844,0.01,0.30000000000000004,0.9375,0.0625,0.3333333333333333,1.5,36000\n"
                                          "2,1688,1e-07,5e-324,1,,,0,\n");
  EXPECT_EQ(format_history({}), kColumns);
}

TEST(History, ComesBackAsItWas) {
  EXPECT_EQ(parse_history(format_history(sample()), "h"), sample());
  EXPECT_TRUE(parse_history(kColumns, "h").empty());
}

struct CommaForPoint : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(History, TheLocaleChangesNothing) {
  const std::string before = format_history(sample());
  const std::locale old = std::locale::global(std::locale(std::locale::classic(), new CommaForPoint));
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // where it is installed
  EXPECT_EQ(format_history(sample()), before);
  EXPECT_EQ(parse_history(before, "h"), sample());
  std::setlocale(LC_ALL, "C");
  std::locale::global(old);
}

TEST(History, NotFiniteHasOneText) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<HistoryRow> rows(1);
  rows[0].train_loss = std::copysign(nan, -1.0);
  rows[0].validation_loss = std::numeric_limits<double>::infinity();
  const std::string csv = format_history(rows);
  EXPECT_EQ(csv, kColumns + "0,0,,nan,,inf,,,\n");
  rows = parse_history(csv, "h");
  EXPECT_TRUE(std::isnan(*rows[0].train_loss));
  EXPECT_TRUE(std::isinf(*rows[0].validation_loss));
}

TEST(History, FilesAreReplaced) {
  const TemporaryFolder folder;
  write_history(folder / "history.csv", {});
  write_history(folder / "history.csv", sample());
  EXPECT_EQ(slurp(folder / "history.csv"), format_history(sample()));
  EXPECT_EQ(read_history(folder / "history.csv"), sample());
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"history.csv"});
  expect_error(
      ErrorKind::data, [&] { read_history(folder / "none"); }, "none: does not exist");
}

TEST(History, WhatIsWrongIsNamedWithItsPlace) {
  const auto refused = [](const std::string& csv, const char* part) {
    expect_error(
        ErrorKind::data, [&] { parse_history(csv, "h.csv"); }, part);
  };
  refused("", "h.csv:1: the line has no end");
  refused("epoch,step\n", "h.csv:1: is no history");
  refused(kColumns + "1,2,,,,,,,", "h.csv:2: the line has no end");
  refused(kColumns + "\n", "h.csv:2:1: '' is not an integer");
  refused(kColumns + "1,2,,,,,,\n", "h.csv:2:10: fewer fields");
  refused(kColumns + "1,2,,,,,,,,\n", "more fields");
  refused(kColumns + "1,2,,,,,,,\n1.5,2,,,,,,,\n", "h.csv:3:1: '1.5' is not an integer");
  refused(kColumns + "1,2,3,x,,,,,\n", "h.csv:2:7: 'x' is not a number");
  refused(kColumns + "1,2, 3,,,,,,\n", "h.csv:2:5: ' 3' is not a number");
  expect_error(
      ErrorKind::checkpoint, [] { parse_history("x", "c.safetensors", ErrorKind::checkpoint); }, "c.safetensors:1");
}

}  // namespace
}  // namespace hone
