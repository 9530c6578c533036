#include "engine/checkpoint/safetensors.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

using testing::expect_error;

SafetensorsHeader sample() {
  return {{{"b", "F32", {2, 3}, 0, 24}, {"a \"quoted\"", "F32", {}, 24, 28}, {"none", "F32", {5, 0}, 28, 28}},
          {{"key", "value\n"}, {"an \"other\"", ""}}};
}

TEST(Safetensors, ComesBackAsItWas) {
  const std::string bytes = format_safetensors(sample());
  ASSERT_EQ(bytes.size() % 8, 0u);
  EXPECT_EQ(static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]), bytes.size() - 8);
  const SafetensorsHeader header = parse_safetensors(bytes.substr(8), 28, "f");
  EXPECT_EQ(header.tensors, sample().tensors);
  EXPECT_EQ(header.metadata, sample().metadata);
}

TEST(Safetensors, TakesWhatOthersWrite) {
  const SafetensorsHeader header = parse_safetensors(
      R"({ "w" : {"shape": [1], "data_offsets": [0, 4], "dtype": "F32"}, "__metadata__": {"format": "pt"} }   )", 4,
      "f");
  EXPECT_EQ(header.tensors, (std::vector<SafetensorsEntry>{{"w", "F32", {1}, 0, 4}}));
  EXPECT_EQ(header.metadata.at("format"), "pt");
}

// Each is a header that goes with 8 bytes of data, and a part of the line that refuses it.
struct BadHeader {
  const char* json;
  const char* message;
};

class BadHeaders : public ::testing::TestWithParam<BadHeader> {};

TEST_P(BadHeaders, AreRefused) {
  expect_error(
      ErrorKind::checkpoint, [] { parse_safetensors(GetParam().json, 8, "x.safetensors"); },
      "x.safetensors: ", GetParam().message);
}

#define TENSOR(shape, offsets) R"("dtype":"F32","shape":)" shape R"(,"data_offsets":)" offsets

INSTANTIATE_TEST_SUITE_P(
    All, BadHeaders,
    ::testing::Values(
        BadHeader{"", "no JSON object"},                                                    //
        BadHeader{"[]", "no JSON object"},                                                  //
        BadHeader{"\xef\xbb\xbf{}", "no JSON object"},                                      //
        BadHeader{"{", "no JSON at byte"},                                                  //
        BadHeader{"{} x", "no JSON at byte"},                                               //
        BadHeader{"{\"\xff\":{}}", "no JSON at byte"},                                      //
        BadHeader{"{}", "its header describes 0"},                                          //
        BadHeader{R"({"w":1})", "unexpected a number at 'w'"},                              //
        BadHeader{R"({"w":null})", "unexpected null"},                                      //
        BadHeader{R"({"w":[[[[1]]]]})", "unexpected a list"},                               //
        BadHeader{R"({"w":{"dtype":{"x":1}}})", "unexpected an object"},                    //
        BadHeader{R"({"__metadata__":{"k":1}})", "unexpected a number at 'k'"},             //
        BadHeader{R"({"__metadata__":{"k":{}}})", "unexpected an object"},                  //
        BadHeader{R"({"__metadata__":{"k":"1","k":"2"}})", "metadata 'k' is there twice"},  //
        BadHeader{R"({"__metadata__":{},"__metadata__":{}})", "'__metadata__' is there twice"},
        BadHeader{"{\"w\":{" TENSOR("[2]", "[0,8]") "},\"w\":{" TENSOR("[0]", "[8,8]") "}}", "'w' is there twice"},
        BadHeader{"{\"w\":{\"dtype\":\"F32\"," TENSOR("[2]", "[0,8]") "}}", "unexpected key 'dtype'"},
        BadHeader{R"({"w":{"dtype":"F32","shape":[2]}})", "lacks one of"},
        BadHeader{"{\"w\":{\"more\":1," TENSOR("[2]", "[0,8]") "}}", "unexpected key 'more'"},
        BadHeader{R"({"w":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})", "is of type F16; only F32"},
        BadHeader{"{\"w\":{" TENSOR("[2]", "[0]") "}}", "data_offsets are not two"},
        BadHeader{"{\"w\":{" TENSOR("[2]", "[0,8,9]") "}}", "unexpected a number"},
        BadHeader{"{\"w\":{" TENSOR("[2.0]", "[0,8]") "}}", "no integer"},
        BadHeader{"{\"w\":{" TENSOR("[-2]", "[0,8]") "}}", "negative"},
        BadHeader{"{\"w\":{" TENSOR("[[2]]", "[0,8]") "}}", "unexpected a list"},
        BadHeader{"{\"w\":{" TENSOR("[3]", "[0,8]") "}}", "a size that is not its shape's"},
        BadHeader{"{\"w\":{" TENSOR("[4]", "[0,16]") "}}", "beyond the end"},
        BadHeader{"{\"w\":{" TENSOR("[1]", "[4,8]") "}}", "does not start where"},
        BadHeader{"{\"w\":{" TENSOR("[2]", "[8,0]") "}}", "does not start where"},
        BadHeader{"{\"v\":{" TENSOR("[2]", "[0,8]") "},\"w\":{" TENSOR("[1]", "[4,8]") "}}", "does not start where"},
        BadHeader{"{\"w\":{" TENSOR("[1]", "[0,4]") "}}", "its header describes 4"},
        BadHeader{"{\"w\":{" TENSOR("[4294967296,4294967296]", "[0,0]") "}}", "shape too large"},
        BadHeader{"{\"w\":{" TENSOR("[4611686018427387904]", "[0,0]") "}}", "shape too large"},
        BadHeader{"{\"w\":{" TENSOR("[9223372036854775808]", "[0,8]") "}}", "shape too large"},
        BadHeader{"{\"w\":{" TENSOR("[2]", "[0,99999999999999999999]") "}}", "no integer"},
        BadHeader{"{\"w\\n\":{" TENSOR("[2]", "[0,8]") "}}", "control characters"},
        BadHeader{"{\"w\\n\":1}", "at 'w?'"}));

#undef TENSOR

TEST(Safetensors, DepthIsRefusedWhereItStarts) {
  const std::string deep = "{\"w\":" + std::string(10'000'000, '[');
  expect_error(
      ErrorKind::checkpoint, [&] { parse_safetensors(deep, 8, "f"); }, "unexpected a list");
}

}  // namespace
}  // namespace hone
