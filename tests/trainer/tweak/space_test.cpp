#include "trainer/tweak/space.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/base/rng.hpp"
#include "tests/support/expect_error.hpp"
#include "trainer/config/loader.hpp"

namespace hone {
namespace {

ProgramConfig config_of(const std::string& parameters) {
  return parse_program("program: {command: [x], parameters: {" + parameters + "}}\n", "c.yaml");
}

Parameter one(const std::string& parameter) { return config_of("a: " + parameter).program.parameters[0]; }

double real(const OptionValue& value) { return std::get<double>(value); }
std::int64_t whole(const OptionValue& value) { return std::get<std::int64_t>(value); }

TEST(Space, WhatIsTriedFirstIsTheDefaultElseTheMiddle) {
  EXPECT_EQ(real(first_value(one("{type: real, low: 0, high: 4, default: 3}"))), 3);
  EXPECT_EQ(real(first_value(one("{type: real, low: 0, high: 4}"))), 2);
  EXPECT_NEAR(real(first_value(one("{type: real, low: 0.0001, high: 1, log: true}"))), 0.01, 1e-12);
  EXPECT_EQ(whole(first_value(one("{type: int, low: 1, high: 9}"))), 5);
  // sqrt(0.5 * 64.5) = 5.68
  EXPECT_EQ(whole(first_value(one("{type: int, low: 1, high: 64, log: true}"))), 6);
  EXPECT_EQ(first_value(one("{type: choice, values: [b, a]}")), OptionValue(std::string("b")));
}

TEST(Space, IntegersAndChoicesHaveEqualShares) {
  const Parameter three = one("{type: int, low: -1, high: 1}"), choice = one("{type: choice, values: [a, 2, true]}");
  for (const auto& [share, value] : {std::pair{0.0, -1}, {0.333, -1}, {0.334, 0}, {0.666, 0}, {0.667, 1}, {1.0, 1}}) {
    EXPECT_EQ(whole(value_at(three, share)), value) << share;
    EXPECT_EQ(value_at(choice, share), choice.values[static_cast<std::size_t>(value + 1)]) << share;
  }
}

TEST(Space, ValuesAreWithinBoundsAndSharesLeadBackToThem) {
  Random random(1, 0);
  for (const char* text :
       {"{type: real, low: -3, high: 7.5}", "{type: real, low: 1.0e-7, high: 900, log: true}",
        "{type: real, low: 1.00001, high: 1.00002}", "{type: real, low: -1.0e+15, high: 1.0e+15}",
        "{type: real, low: 1.0e-300, high: 1.0e+15, log: true}", "{type: real, low: 2, high: 2}",
        "{type: int, low: -9007199254740992, high: 9007199254740992}", "{type: int, low: 1, high: 1000, log: true}",
        "{type: int, low: 4, high: 4}", "{type: choice, values: [a, b, c, d, e, f, g]}"}) {
    const Parameter parameter = one(text);
    for (int i = 0; i < 1000; ++i) {
      const double share = i < 2 ? i : random.uniform();
      const OptionValue value = value_at(parameter, share);
      if (parameter.kind != ParameterKind::choice) {
        const double number = parameter.kind == ParameterKind::real ? real(value) : static_cast<double>(whole(value));
        ASSERT_GE(number, parameter.low) << text;
        ASSERT_LE(number, parameter.high) << text;
      }
      const double back = share_of(parameter, value);
      ASSERT_GE(back, 0) << text;
      ASSERT_LE(back, 1) << text;
      ASSERT_EQ(value_at(parameter, back), value) << text << " " << share;
      if (parameter.kind == ParameterKind::real && parameter.low < parameter.high) {
        ASSERT_NEAR(back, share, 1e-3) << text;
      }
    }
  }
}

TEST(Space, EveryValueOfAnIntegerOrChoiceIsCounted) {
  for (const char* text : {"{type: int, low: 3, high: 40, log: true}", "{type: choice, values: [a, b, 3]}",
                           "{type: int, low: 4, high: 4}", "{type: real, low: 2, high: 2}"}) {
    const Parameter parameter = one(text);
    std::set<OptionValue> all;
    for (std::uint64_t n = 0; n < count_of(parameter); ++n) all.insert(nth_value(parameter, n));
    EXPECT_EQ(all.size(), count_of(parameter)) << text;
  }
  EXPECT_EQ(count_of(one("{type: int, low: 3, high: 40}")), 38u);
}

TEST(Values, AreWrittenAndReadBack) {
  const ProgramConfig config = config_of(
      "rate: {type: real, low: 0.0001, high: 10, log: true}, n: {type: int, low: -3, high: 3}, "
      "c: {type: choice, values: [1, 1.0, true, \"true\", relu]}");
  const std::vector<OptionValue> choices = {std::int64_t{1}, 1.0, true, std::string("true"), std::string("relu")};
  EXPECT_EQ(config.program.parameters[2].values, choices);
  for (const OptionValue& choice : choices) {
    const Values values = {3.0, std::int64_t{-2}, choice};
    EXPECT_EQ(parse_values(config, format_values(config, values), "v.json"), values) << text_of(choice);
  }
  EXPECT_EQ(format_values(config, {3.0, std::int64_t{-2}, true}),
            "{\n  \"rate\": 3.0,\n  \"n\": -2,\n  \"c\": true\n}\n");
  EXPECT_EQ(parse_values(config, R"({"n": 0, "c": true, "rate": 1})", "v.json"), (Values{1.0, std::int64_t{0}, true}));
  EXPECT_EQ(format_values(config_of(""), {}), "{}\n");
}

TEST(Values, AreReadStrictly) {
  const ProgramConfig config = config_of(
      "rate: {type: real, low: 0.1, high: 10}, n: {type: int, low: 1, high: 3}, c: {type: choice, values: [a]}");
  const auto refused = [&](const std::string& text, const std::string& part) {
    EXPECT_HONE_ERROR(parse_values(config, text, "v.json"), data, "v.json: ", part);
  };
  refused("", "no JSON");
  refused("[1]", "expected a JSON object");
  refused(R"({"rate": 1, "n": 1})", "has no value of c");
  refused(R"({"rate": 1, "n": 1, "c": "a", "rat": 1})",
          "'rat' is no parameter of the program; expected rate, n, c; did you mean 'rate'?");
  refused(R"({"rate": 1, "rate": 2, "n": 1, "c": "a"})", "'rate' is there twice");
  refused(R"({"rate": 0.09, "n": 1, "c": "a"})", "rate: expected a number from 0.1 to 10");
  refused(R"({"rate": "1", "n": 1, "c": "a"})", "rate: expected a number");
  refused(R"({"rate": null, "n": 1, "c": "a"})", "rate: expected a number");
  refused(R"({"rate": 1e999, "n": 1, "c": "a"})", "a number that is too large");
  refused(R"({"rate": 1, "n": 4, "c": "a"})", "n: expected an integer from 1 to 3");
  refused(R"({"rate": 1, "n": 1.0, "c": "a"})", "n: expected an integer");
  refused(R"({"rate": 1, "n": 18446744073709551615, "c": "a"})", "n: expected an integer");
  refused(R"({"rate": 1, "n": 1, "c": "b"})", "c: expected one of its values");
  refused(R"({"rate": 1, "n": 1, "c": "a", "x\ny": 1})", "'x\\x0ay' is no parameter");
}

}  // namespace
}  // namespace hone
