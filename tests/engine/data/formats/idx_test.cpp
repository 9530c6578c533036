#include "engine/data/formats/idx.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <numeric>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using testing::TemporaryFolder;

std::string word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string images(std::uint32_t count, std::uint32_t height, std::uint32_t width) {
  std::string text = word(0x803) + word(count) + word(height) + word(width);
  for (std::uint32_t i = 0; i < count * height * width; ++i) text += static_cast<char>(i * 7);
  return text;
}

std::string labels(std::uint32_t count) {
  std::string text = word(0x801) + word(count);
  for (std::uint32_t i = 0; i < count; ++i) text += static_cast<char>(i % 3);
  return text;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class Idx : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("train-images-idx3-ubyte", images(7, 4, 5));
    folder.write("train-labels-idx1-ubyte", labels(7));
    folder.write("t10k-images-idx3-ubyte", images(2, 4, 5));
    folder.write("t10k-labels-idx1-ubyte", labels(2));
  }
  Dataset load(const LoadOptions& options = {}) const { return load_dataset("idx", folder.path(), options); }
  void remove(const std::string& name) const { std::filesystem::remove(folder.path() / name); }

  TemporaryFolder folder;
};

TEST_F(Idx, ReadsPlainFiles) {
  const Dataset set = load();
  EXPECT_EQ(set.shape, (Shape{1, 4, 5}));
  EXPECT_EQ(set.classes, (std::vector<std::string>{"0", "1", "2"}));
  ASSERT_EQ(set.train.count, 7);
  ASSERT_EQ(set.test.count, 2);
  EXPECT_EQ(set.validation.count, 0);
  ASSERT_EQ(set.train.pixels.size(), 140u);
  for (std::size_t i = 0; i < 140; ++i) EXPECT_EQ(set.train.pixels[i], static_cast<std::uint8_t>(i * 7));
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(set.train.ids, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST_F(Idx, GzipAndTheOtherSpellingGiveTheSame) {
  const Dataset plain = load();
  remove("train-images-idx3-ubyte");
  folder.write("train-images.idx3-ubyte.gz", gzip(images(7, 4, 5)));
  remove("t10k-labels-idx1-ubyte");
  folder.write("t10k-labels.idx1-ubyte", labels(2));
  const Dataset other = load();
  EXPECT_EQ(other.train.pixels, plain.train.pixels);
  EXPECT_EQ(other.test.labels, plain.test.labels);
}

TEST_F(Idx, LargeGzipGrows) {
  remove("train-images-idx3-ubyte");
  folder.write("train-images-idx3-ubyte.gz", gzip(images(3000, 40, 50)));
  folder.write("train-labels-idx1-ubyte", labels(3000));
  folder.write("t10k-images-idx3-ubyte", images(2, 40, 50));
  int calls = 0;
  LoadOptions options;
  options.progress = [&] { ++calls; };
  const Dataset set = load(options);
  ASSERT_EQ(set.train.pixels.size(), 6000000u);
  for (std::size_t i = 0; i < 6000000; i += 997) ASSERT_EQ(set.train.pixels[i], static_cast<std::uint8_t>(i * 7));
  EXPECT_GT(calls, 4);
}

TEST_F(Idx, EveryTruncationIsNamed) {
  const std::string whole = images(7, 4, 5);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("train-images-idx3-ubyte", whole.substr(0, length));
    EXPECT_HONE_ERROR(load(), data, "train-images-idx3-ubyte: ", std::to_string(length));
  }
  folder.write("train-images-idx3-ubyte", whole + "x");
  EXPECT_HONE_ERROR(load(), data, "has 157 bytes; its header announces 156");
}

TEST_F(Idx, EveryTruncationOfGzipIsNamed) {
  remove("train-images-idx3-ubyte");
  const std::string whole = gzip(images(7, 4, 5));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("train-images-idx3-ubyte.gz", whole.substr(0, length));
    EXPECT_HONE_ERROR(load(), data, "train-images-idx3-ubyte.gz: ", "ends");
  }
  folder.write("train-images-idx3-ubyte.gz", whole + "x");
  EXPECT_HONE_ERROR(load(), data, "after the end");
  folder.write("train-images-idx3-ubyte.gz", gzip(images(7, 4, 5) + "x"));
  EXPECT_HONE_ERROR(load(), data, "goes on after byte 156");
  folder.write("train-images-idx3-ubyte.gz", images(7, 4, 5));
  EXPECT_HONE_ERROR(load(), data, "expected gzip data");
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;  // its checksum
  folder.write("train-images-idx3-ubyte.gz", damaged);
  EXPECT_HONE_ERROR(load(), data, "damaged near byte");
}

TEST_F(Idx, HeadersThatLie) {
  const auto train = [this](const std::string& text) { folder.write("train-images-idx3-ubyte", text); };
  train(word(0x801) + images(7, 4, 5).substr(4));
  EXPECT_HONE_ERROR(load(), data, "byte 0: magic number 0x00000801; expected 0x00000803");
  train(word(0x803) + word(0xffffffff) + word(8192) + word(8192) + "abc");
  EXPECT_HONE_ERROR(load(), data, "labels-idx1", "byte 4: 7 labels; expected 4294967295");
  train(word(0x803) + word(7) + word(0) + word(5));
  EXPECT_HONE_ERROR(load(), data, "byte 8: images of 0 x 5");
  train(word(0x803) + word(7) + word(8193) + word(5));
  EXPECT_HONE_ERROR(load(), data, "byte 8: images of 8193 x 5");
  train(images(6, 4, 5));
  EXPECT_HONE_ERROR(load(), data, "7 labels; expected 6");
  train(images(7, 5, 4));
  EXPECT_HONE_ERROR(load(), data, "t10k-images-idx3-ubyte", "[1, 4, 5]; the training images are [1, 5, 4]");
  train(images(0, 4, 5));
  folder.write("train-labels-idx1-ubyte", labels(0));
  EXPECT_HONE_ERROR(load(), data, "no training images");
}

TEST_F(Idx, HugeAnnouncementsAllocateNothing) {
  // 2^26 images of one byte in a file of 100 bytes, plain and as gzip; and more than a split may have.
  folder.write("train-labels-idx1-ubyte", word(0x801) + word(1u << 26) + std::string(100, '\0'));
  folder.write("train-images-idx3-ubyte", word(0x803) + word(1u << 26) + word(1) + word(1) + std::string(100, '\0'));
  EXPECT_HONE_ERROR(load(), data, "has 108 bytes; its header announces 67108872");
  remove("train-labels-idx1-ubyte");
  folder.write("train-labels-idx1-ubyte.gz", gzip(word(0x801) + word(1u << 31) + std::string(100, '\0')));
  folder.write("train-images-idx3-ubyte", word(0x803) + word(1u << 31) + word(8192) + word(8192));
  EXPECT_HONE_ERROR(load(), data, "ends after 108 bytes");
}

TEST_F(Idx, LabelsOutOfRange) {
  LoadOptions options;
  options.classes = {"a", "b"};
  EXPECT_HONE_ERROR(load(options), data, "train-labels-idx1-ubyte: label 2 of image 2", "expected 0 to 1");
  options.classes = {"a", "b", "c", "d"};
  EXPECT_EQ(load(options).classes, options.classes);
}

TEST_F(Idx, AnotherShapeIsAConfigError) {
  LoadOptions options;
  options.shape = {1, 28, 28};
  EXPECT_HONE_ERROR(load(options), config, "train-images-idx3-ubyte: has images of [1, 4, 5]; expected [1, 28, 28]");
}

TEST_F(Idx, MissingAndForbiddenFiles) {
  remove("t10k-labels-idx1-ubyte");
  EXPECT_HONE_ERROR(load(), data, "t10k-labels-idx1-ubyte: is missing");
  mkfifo((folder.path() / "t10k-labels-idx1-ubyte").c_str(), 0600);
  EXPECT_HONE_ERROR(load(), data, "t10k-labels-idx1-ubyte: is not a regular file");
  remove("t10k-labels-idx1-ubyte");
  std::filesystem::create_directory(folder.path() / "t10k-labels-idx1-ubyte");
  EXPECT_HONE_ERROR(load(), data, "t10k-labels-idx1-ubyte: is not a regular file");
  EXPECT_HONE_ERROR(load_dataset("idx", folder.path() / "none"), data, "none: can't be found");
  EXPECT_HONE_ERROR(load_dataset("idx", folder.path() / "train-images-idx3-ubyte"), data, "is not a folder");
}

TEST_F(Idx, LinksStayInside) {
  const TemporaryFolder outside;
  const auto target = outside.write("labels", labels(2));
  remove("t10k-labels-idx1-ubyte");
  std::filesystem::create_symlink(target, folder.path() / "t10k-labels-idx1-ubyte");
  EXPECT_HONE_ERROR(load(), data, "t10k-labels-idx1-ubyte: is a link that leads out");
  remove("t10k-labels-idx1-ubyte");
  folder.write("elsewhere/labels", labels(2));
  std::filesystem::create_symlink("elsewhere/labels", folder.path() / "t10k-labels-idx1-ubyte");
  EXPECT_EQ(load().test.count, 2);
  // The folder itself may be reached through a link.
  std::filesystem::create_directory_symlink(folder.path(), outside.path() / "set");
  EXPECT_EQ(load_dataset("idx", outside.path() / "set").test.count, 2);
}

}  // namespace
}  // namespace hone
