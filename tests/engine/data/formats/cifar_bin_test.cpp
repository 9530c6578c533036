#include "engine/data/formats/cifar_bin.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

std::string record(int label, int first) {
  std::string text(1, static_cast<char>(label));
  for (int i = 0; i < 3072; ++i) text += static_cast<char>(first + i);
  return text;
}

class CifarBin : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("data_batch_10.bin", record(3, 30));
    folder.write("data_batch_2.bin", record(1, 10) + record(2, 20));
    folder.write("test_batch.bin", record(9, 90));
  }
  Dataset load(const LoadOptions& options = {}) const { return load_dataset("cifar_bin", folder.path(), options); }

  testing::TemporaryFolder folder;
};

TEST_F(CifarBin, FilesInTheOrderOfTheirNumbers) {
  const Dataset set = load();
  EXPECT_EQ(set.shape, (Shape{3, 32, 32}));
  EXPECT_EQ(set.classes.size(), 10u);
  EXPECT_EQ(set.classes[9], "9");
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(set.train.ids, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(set.test.labels, (std::vector<std::int32_t>{9}));
  ASSERT_EQ(set.train.pixels.size(), 3u * 3072);
  for (std::size_t i = 0; i < 3072; ++i) {
    ASSERT_EQ(set.train.pixels[i], static_cast<std::uint8_t>(10 + i));
    ASSERT_EQ(set.train.pixels[2 * 3072 + i], static_cast<std::uint8_t>(30 + i));
  }
}

TEST_F(CifarBin, ManyRecords) {
  std::string text;
  for (int i = 0; i < 2500; ++i) text += record(i % 10, i);
  folder.write("data_batch_2.bin", text);
  const Dataset set = load();
  ASSERT_EQ(set.train.count, 2501);
  for (std::size_t i = 0; i < 2500; ++i) {
    ASSERT_EQ(set.train.labels[i], static_cast<std::int32_t>(i % 10));
    ASSERT_EQ(set.train.pixels[i * 3072 + 3071], static_cast<std::uint8_t>(i + 3071));
  }
}

TEST_F(CifarBin, NamesFromTheMetaFile) {
  folder.write("batches.meta.txt", "airplane\nautomobile\nbird\r\ncat\n\nd\ne\nf\ng\nh\ntruck\n\n");
  EXPECT_EQ(load().classes[1], "automobile");
  EXPECT_EQ(load().classes[2], "bird");
  EXPECT_EQ(load().classes.size(), 10u);
  folder.write("batches.meta.txt", "a\nb\nc\n");
  EXPECT_HONE_ERROR(load(), data, "data_batch_10.bin: byte 0: label 3 of record 0; expected 0 to 2");
  folder.write("batches.meta.txt", "\n");
  EXPECT_HONE_ERROR(load(), data, "batches.meta.txt: has 0 class names");
  folder.write("batches.meta.txt", std::string("a\0b\n", 4));
  EXPECT_HONE_ERROR(load(), data, "control characters");
  folder.write("batches.meta.txt", std::string(70000, 'a'));
  EXPECT_HONE_ERROR(load(), data, "batches.meta.txt: has 70000 bytes; expected at most 65536");
}

TEST_F(CifarBin, WrongSizesAndLabels) {
  folder.write("data_batch_2.bin", record(1, 10) + record(10, 0));
  EXPECT_HONE_ERROR(load(), data, "data_batch_2.bin: byte 3073: label 10 of record 1; expected 0 to 9");
  folder.write("data_batch_2.bin", record(1, 10).substr(1));
  EXPECT_HONE_ERROR(load(), data, "data_batch_2.bin: has 3072 bytes; expected a multiple of 3073");
  folder.write("data_batch_2.bin", "");
  EXPECT_HONE_ERROR(load(), data, "data_batch_2.bin: has 0 bytes");
}

TEST_F(CifarBin, MissingFiles) {
  LoadOptions options;
  options.shape = {1, 28, 28};
  EXPECT_HONE_ERROR(load(options), config, "has images of [3, 32, 32]; expected [1, 28, 28]");
  std::filesystem::remove(folder.path() / "test_batch.bin");
  EXPECT_HONE_ERROR(load(), data, "test_batch.bin: is missing");
  std::filesystem::remove(folder.path() / "data_batch_2.bin");
  std::filesystem::remove(folder.path() / "data_batch_10.bin");
  EXPECT_HONE_ERROR(load(), data, "has no data_batch_*.bin");
}

}  // namespace
}  // namespace hone
