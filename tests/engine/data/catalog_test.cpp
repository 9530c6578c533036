#include "engine/data/catalog.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "engine/data/normalize.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

const std::string kToy = R"(# a comment
name: toy
title: A toy: two pictures
format: idx
shape: 1 2 3
train: 2
test: 1
licence: none
homepage: http://example.org/

classes:
  - T-shirt/top
  - Ankle boot
files:
  - a 5 0123456789012345678901234567890123456789012345678901234567890123
  - b.bin 7 abcdefabcdabcdefabcdabcdefabcdabcdefabcdabcdefabcdabcdefabcdabcd
sources:
  - plain http://example.org/{file}
)";

std::string without(const std::string& text, const std::string& part, const std::string& instead = "") {
  std::string changed = text;
  const std::size_t at = changed.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return changed.replace(at, part.size(), instead);
}

class Environment {  // puts a variable back at its end
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = getenv(name)) before_ = before, had_ = true;
    value != nullptr ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Environment() { had_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string before_;
  bool had_ = false;
};

TEST(DatasetInfo, ReadsEveryKey) {
  const DatasetInfo info = parse_dataset_info(kToy, "toy.yaml");
  EXPECT_EQ(info.name, "toy");
  EXPECT_EQ(info.title, "A toy: two pictures");
  EXPECT_EQ(info.format, "idx");
  EXPECT_EQ(info.shape, (Shape{1, 2, 3}));
  EXPECT_EQ(info.train, 2);
  EXPECT_EQ(info.test, 1);
  EXPECT_EQ(info.homepage, "http://example.org/");
  EXPECT_EQ(info.classes, (std::vector<std::string>{"T-shirt/top", "Ankle boot"}));
  ASSERT_EQ(info.files.size(), 2u);
  EXPECT_EQ(info.files[1].name, "b.bin");
  EXPECT_EQ(info.files[1].bytes, 7u);
  EXPECT_EQ(info.files[1].sha256.substr(0, 4), "abcd");
  EXPECT_EQ(info.sources, (std::vector<std::string>{"plain http://example.org/{file}"}));
}

TEST(DatasetInfo, WrongLinesAreNamed) {
  const auto parse = [](const std::string& text) { return parse_dataset_info(text, "toy.yaml"); };
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "trian: 2")), data, "toy.yaml:6: unknown key 'trian'");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2\n")), data, "toy.yaml: 'train' is missing");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "train: two")), data, "toy.yaml:6: 'two'; expected a number");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "train: 0")), data, "toy.yaml:6: ");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "test: 2")), data, "toy.yaml:7: 'test' is there twice");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "train:2")), data, "toy.yaml:6: expected 'key: value'");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "train:")), data, "toy.yaml:6: 'train' has no value");
  EXPECT_HONE_ERROR(parse(without(kToy, "train: 2", "  - 2")), data, "toy.yaml:6: an item outside of a list");
  EXPECT_HONE_ERROR(parse(without(kToy, "1 2 3", "1 2")), data, "toy.yaml:5: expected a shape");
  EXPECT_HONE_ERROR(parse(without(kToy, "1 2 3", "1 2 9999")), data, "toy.yaml:5: '9999'");
  EXPECT_HONE_ERROR(parse(without(kToy, "idx", "idy")), data, "toy.yaml:4: 'idy' is no format");
  EXPECT_HONE_ERROR(parse(without(kToy, "a 5", "../a 5")), data, "toy.yaml:15: expected a file");
  EXPECT_HONE_ERROR(parse(without(kToy, "b.bin 7 abc", "b.bin 7 Abc")), data, "toy.yaml:16: expected a file");
  EXPECT_HONE_ERROR(parse(without(kToy, "  - plain http://example.org/{file}\n")), data, "one source");
}

TEST(Catalog, KnowsWhatShips) {
  ASSERT_GE(dataset_catalog().size(), 2u);
  EXPECT_TRUE(std::is_sorted(dataset_catalog().begin(), dataset_catalog().end(),
                             [](const DatasetInfo& a, const DatasetInfo& b) { return a.name < b.name; }));
  const DatasetInfo* mnist = find_dataset("mnist");
  ASSERT_NE(mnist, nullptr);
  EXPECT_EQ(mnist->shape, (Shape{1, 28, 28}));
  EXPECT_EQ(mnist->train, 60000);
  EXPECT_EQ(mnist->classes.size(), 10u);
  EXPECT_EQ(mnist->files.size(), 4u);
  EXPECT_EQ(find_dataset("cifar10")->shape, (Shape{3, 32, 32}));
  EXPECT_EQ(find_dataset("minst"), nullptr);
  for (const DatasetInfo& info : dataset_catalog())
    EXPECT_TRUE(std::any_of(shipped_dataset_files().begin(), shipped_dataset_files().end(),
                            [&](const ShippedFile& file) { return file.name == info.name + ".yaml"; }));
}

TEST(Catalog, WritesTheScriptAndItRuns) {
  const testing::TemporaryFolder folder;
  write_dataset_files(folder.path());
  for (const ShippedFile& file : shipped_dataset_files())
    EXPECT_EQ(testing::slurp(folder / file.name), std::string(file.text));
  EXPECT_EQ(access((folder / "fetch").c_str(), X_OK), 0);
  const std::string list = folder.path().string() + "/list";
  ASSERT_EQ(system(("bash '" + (folder / "fetch").string() + "' --list >'" + list + "'").c_str()), 0);
  EXPECT_NE(testing::slurp(list).find("mnist\n"), std::string::npos);
  EXPECT_HONE_ERROR((write_dataset_files(folder / "none"), 0), io, "can't be written");
}

TEST(Catalog, FolderFromTheEnvironment) {
  const Environment home("HOME", "/h");
  const Environment cache("XDG_CACHE_HOME", nullptr);
  const Environment data("HONE_DATA", nullptr);
  EXPECT_EQ(datasets_folder(), "/h/.cache/hone");
  {
    const Environment relative("XDG_CACHE_HOME", "c");
    EXPECT_EQ(datasets_folder(), "/h/.cache/hone");
  }
  const Environment absolute("XDG_CACHE_HOME", "/c");
  EXPECT_EQ(datasets_folder(), "/c/hone");
  const Environment own("HONE_DATA", "/d");
  EXPECT_EQ(dataset_folder(*find_dataset("mnist")), "/d/mnist");
}

TEST(Catalog, NamedSetsAreHeldAgainstTheirDescription) {
  const testing::TemporaryFolder folder;
  const Environment data("HONE_DATA", folder.path().c_str());
  using std::string_literals::operator""s;
  const std::string images = "\0\0\x08\x03\0\0\0\1\0\0\0\2\0\0\0\3abcdef"s, labels = "\0\0\x08\x01\0\0\0\1\1"s;
  for (const char* split : {"train", "t10k"}) {
    folder.write("toy/"s + split + "-images-idx3-ubyte", images);
    folder.write("toy/"s + split + "-labels-idx1-ubyte", labels);
  }
  DatasetInfo info = parse_dataset_info(kToy, "toy.yaml");
  EXPECT_HONE_ERROR(load_named_dataset(info), data, "toy: the data set 'toy' is missing", "hone datasets fetch toy");
  const std::string sum(64, '0');
  info.files = {{"train-images-idx3-ubyte", 22, sum}, {"train-labels-idx1-ubyte", 9, sum}};
  EXPECT_HONE_ERROR(load_named_dataset(info), data, "has 1 training and 1 test images; expected 2 and 1");
  info.train = 1;
  EXPECT_EQ(load_named_dataset(info).classes[1], "Ankle boot");
  info.shape = {1, 3, 2};
  EXPECT_HONE_ERROR(load_named_dataset(info), config, "has images of [1, 2, 3]; expected [1, 3, 2]");
  info.files[0].bytes = 21;
  EXPECT_HONE_ERROR(load_named_dataset(info), data, "not complete");
}

// Where MNIST has been fetched: figures that are known from elsewhere.
TEST(Catalog, Mnist) {
  const DatasetInfo& info = *find_dataset("mnist");
  if (!is_complete(info, dataset_folder(info))) GTEST_SKIP() << "datasets/fetch mnist was not run";
  const Dataset set = load_named_dataset(info);
  ASSERT_EQ(set.train.count, 60000);
  ASSERT_EQ(set.test.count, 10000);
  std::vector<int> counts(10);
  for (const std::int32_t label : set.train.labels) counts[static_cast<std::size_t>(label)]++;
  EXPECT_EQ(counts, (std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(std::vector<std::int32_t>(set.test.labels.begin(), set.test.labels.begin() + 5),
            (std::vector<std::int32_t>{7, 2, 1, 0, 4}));
}

TEST(Catalog, FashionMnist) {
  const DatasetInfo& info = *find_dataset("fashion_mnist");
  if (!is_complete(info, dataset_folder(info))) GTEST_SKIP() << "datasets/fetch fashion_mnist was not run";
  const Dataset set = load_named_dataset(info);
  for (const Split* split : {&set.train, &set.test}) {
    std::vector<std::int64_t> counts(10);
    for (const std::int32_t label : split->labels) counts[static_cast<std::size_t>(label)]++;
    EXPECT_EQ(counts, std::vector<std::int64_t>(10, split->count / 10));
    EXPECT_NEAR(channel_statistics(*split, set.shape)[0].mean, 72.94, 0.5);  // of the original training images
  }
}

}  // namespace
}  // namespace hone
