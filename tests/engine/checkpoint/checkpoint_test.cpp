#include "engine/checkpoint/checkpoint.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/engine/checkpoint/sample.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::expect_error;
using testing::names_in;
using testing::sample_checkpoint;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;

std::uint64_t header_length(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// Few bytes, so that each of their bits can be tried.
Checkpoint small_checkpoint() {
  return {{{"layers.0.weight", {3, 2}, {1, -2, 3, -4, 5, -6}}, {"layers.0.bias", {3}, {0, 0.5f, 1e-30f}}},
          {{"hone.step", "7"}}};
}

// Expects that the file is refused as a damaged checkpoint, by a line that names it.
void expect_refused(const std::filesystem::path& path, const std::string& how) {
  try {
    read_checkpoint(path);
    ADD_FAILURE() << "accepted: " << how;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::checkpoint) << how << ": " << error.what();
    EXPECT_EQ(std::string(error.what()).find(path.string() + ": "), 0u) << how << ": " << error.what();
  }
}

// Writes one byte in place: file systems sync a file that is truncated and written anew, which takes long.
void put_byte(const std::filesystem::path& path, std::size_t offset, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  file.close();
  ASSERT_TRUE(file) << path;
}

void expect_flip_refused(const std::filesystem::path& path, const std::string& good, std::size_t bit,
                         const std::string& how) {
  const char byte = good[bit / 8];
  put_byte(path, bit / 8, static_cast<char>(byte ^ (1 << bit % 8)));
  expect_refused(path, "bit " + std::to_string(bit) + how);
  put_byte(path, bit / 8, byte);
}

TEST(Checkpoint, ComesBackAsItWas) {
  const TemporaryFolder folder;
  Checkpoint checkpoint = sample_checkpoint();
  checkpoint.tensors[0].data[3] = -INFINITY;
  write_checkpoint(folder / "c.safetensors", checkpoint);
  const Checkpoint read = read_checkpoint(folder / "c.safetensors");
  EXPECT_EQ(read, checkpoint);
  EXPECT_TRUE(std::signbit(read.tensors[4].data[0]));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"c.safetensors"});
}

TEST(Checkpoint, KeepsTheBitsOfNotANumber) {
  const TemporaryFolder folder;
  Checkpoint checkpoint = sample_checkpoint();
  const std::uint32_t bits = 0x7fc12345;
  std::memcpy(&checkpoint.tensors[0].data[5], &bits, sizeof bits);
  write_checkpoint(folder / "c.safetensors", checkpoint);
  std::uint32_t read = 0;
  std::memcpy(&read, &read_checkpoint(folder / "c.safetensors").tensors[0].data[5], sizeof read);
  EXPECT_EQ(read, bits);
}

TEST(Checkpoint, WithoutTensorsOrMetadata) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c.safetensors", {});
  EXPECT_EQ(read_checkpoint(folder / "c.safetensors"), Checkpoint{});
}

TEST(Checkpoint, EqualOnesGiveEqualBytes) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "a", sample_checkpoint());
  write_checkpoint(folder / "b", sample_checkpoint());
  EXPECT_EQ(slurp(folder / "a"), slurp(folder / "b"));
  write_checkpoint(folder / "b", sample_checkpoint(8));
  EXPECT_NE(slurp(folder / "a"), slurp(folder / "b"));
}

TEST(Checkpoint, ChecksumsAreWhatTheContractSays) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c", sample_checkpoint());
  const std::string bytes = slurp(folder / "c");
  ASSERT_EQ(header_length(bytes) % 8, 0u);
  std::string header = bytes.substr(0, 8 + header_length(bytes));
  const auto json = nlohmann::json::parse(header.substr(8));
  const auto& metadata = json["__metadata__"];
  for (const CheckpointTensor& tensor : sample_checkpoint().tensors) {
    const auto offsets = json[tensor.name]["data_offsets"].get<std::vector<std::size_t>>();
    const std::string data = bytes.substr(header.size() + offsets[0], offsets[1] - offsets[0]);
    EXPECT_EQ(metadata["hone.xxh3." + tensor.name], hex(XXH3_64bits(data.data(), data.size()))) << tensor.name;
  }
  const auto digits = metadata["hone.xxh3.header"].get<std::string>();
  header.replace(header.find(digits), 16, 16, '0');
  EXPECT_EQ(digits, hex(XXH3_64bits(header.data(), header.size())));
}

TEST(Checkpoint, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "bad", small_checkpoint());
  const std::string bytes = slurp(folder / "bad");
  for (std::size_t length = bytes.size(); length-- > 0;) {
    std::filesystem::resize_file(folder / "bad", length);
    expect_refused(folder / "bad", "cut to " + std::to_string(length));
  }
  spill(folder / "bad", bytes + '\0');
  expect_refused(folder / "bad", "one byte longer");
}

TEST(Checkpoint, EveryBitFlippedInTheHeaderIsRefused) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "bad", small_checkpoint());
  const std::string good = slurp(folder / "bad");
  for (std::size_t bit = 0; bit < 8 * (8 + header_length(good)); ++bit)
    expect_flip_refused(folder / "bad", good, bit, " of the header");
  EXPECT_EQ(read_checkpoint(folder / "bad"), small_checkpoint());
}

TEST(Checkpoint, BitsFlippedInTheDataAreRefused) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "bad", sample_checkpoint());
  const std::string good = slurp(folder / "bad");
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> bits(8 * (8 + header_length(good)), 8 * good.size() - 1);
  for (int i = 0; i < 10000; ++i)
    expect_flip_refused(folder / "bad", good, bits(random), ", seed " + std::to_string(seed));
  EXPECT_EQ(read_checkpoint(folder / "bad"), sample_checkpoint());
}

TEST(Checkpoint, TensorsExchangedWithTheirBytesAreRefused) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "good", sample_checkpoint());
  std::string bytes = slurp(folder / "good");
  const std::size_t data = 8 + header_length(bytes);
  std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(data),
                   bytes.begin() + static_cast<std::ptrdiff_t>(data + 4),
                   bytes.begin() + static_cast<std::ptrdiff_t>(data + 8));
  spill(folder / "bad", bytes);
  expect_refused(folder / "bad", "two values exchanged");
}

TEST(Checkpoint, APlainSafetensorsFileIsRefusedByAClearLine) {
  const TemporaryFolder folder;
  std::string json = R"({"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  spill(folder / "plain", std::string(1, static_cast<char>(json.size())) + std::string(7, '\0') + json + "data");
  expect_error(
      ErrorKind::checkpoint, [&] { read_checkpoint(folder / "plain"); }, "plain: is a safetensors file but no");
}

TEST(Checkpoint, WhatIsMissingOrAnythingElseIsRefused) {
  const TemporaryFolder folder;
  expect_error(
      ErrorKind::checkpoint, [&] { read_checkpoint(folder / "none"); }, "none: does not exist");
  expect_error(
      ErrorKind::checkpoint, [&] { read_checkpoint(folder.path()); }, "is a folder");
  spill(folder / "text", "model:\n  layers: [conv]\n");
  expect_error(
      ErrorKind::checkpoint, [&] { verify_checkpoint(folder / "text"); }, "text: is not a safetensors file");
}

// A file that claims 1 TiB of data (a hole on the disk) must be refused by its checksums before memory is taken.
TEST(Checkpoint, AHugeClaimIsRefusedBeforeItIsBelieved) {
  const TemporaryFolder folder;
  const std::uint64_t bytes = std::uint64_t{1} << 40;
  std::string json = R"({"__metadata__":{"hone.format":"1","hone.xxh3.header":"0000000000000000"},"w":{"dtype":"F32",)"
                     R"("shape":[274877906944],"data_offsets":[0,1099511627776]}})";
  spill(folder / "huge", std::string(1, static_cast<char>(json.size())) + std::string(7, '\0') + json);
  if (::truncate((folder / "huge").c_str(), static_cast<off_t>(8 + json.size() + bytes)) != 0)
    GTEST_SKIP() << "no file of 1 TiB on this file system";
  expect_error(
      ErrorKind::checkpoint, [&] { read_checkpoint(folder / "huge"); }, "checksum of its header");
}

TEST(Checkpoint, WhatCannotBeWrittenIsRefusedBeforehand) {
  const TemporaryFolder folder;
  const auto expect_internal = [&](auto change) {
    Checkpoint checkpoint = sample_checkpoint();
    change(checkpoint);
    expect_error(ErrorKind::internal, [&] { write_checkpoint(folder / "c", checkpoint); });
    EXPECT_TRUE(names_in(folder.path()).empty());
  };
  expect_internal([](Checkpoint& c) { c.tensors[0].data.pop_back(); });
  expect_internal([](Checkpoint& c) { c.tensors[0].name = c.tensors[1].name; });
  expect_internal([](Checkpoint& c) { c.tensors[0].name = "header"; });
  expect_internal([](Checkpoint& c) { c.metadata["hone.xxh3.layers.0.weight"] = "0"; });
  expect_internal([](Checkpoint& c) { c.metadata["hone.labels"] = "\xff"; });
}

}  // namespace
}  // namespace hone
