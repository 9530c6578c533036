#include "engine/data/formats/image_folder.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "engine/data/file.hpp"
#include "engine/data/formats/image.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

using Pixels = std::vector<std::uint8_t>;  // [H][W][C], as files have them

void append(void* context, void* data, int size) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}
std::string png(int width, int height, int channels, const Pixels& pixels) {
  std::string text;
  stbi_write_png_to_func(append, &text, width, height, channels, pixels.data(), 0);
  return text;
}
std::string bmp(int width, int height, int channels, const Pixels& pixels) {
  std::string text;
  stbi_write_bmp_to_func(append, &text, width, height, channels, pixels.data());
  return text;
}
std::string jpg(int width, int height, int channels, const Pixels& pixels) {
  std::string text;
  stbi_write_jpg_to_func(append, &text, width, height, channels, pixels.data(), 95);
  return text;
}
std::string ppm(const char* kind, int width, int height, const Pixels& pixels) {
  return std::string(kind) + "\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n" +
         std::string(pixels.begin(), pixels.end());
}

std::span<const std::uint8_t> bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Pixels ramp(std::size_t size) {
  Pixels pixels(size);
  for (std::size_t i = 0; i < size; ++i) pixels[i] = static_cast<std::uint8_t>(i * 5 + 3);
  return pixels;
}

// [H][W][C] -> [C][H][W]
Pixels planes(const Pixels& pixels, std::size_t channels) {
  Pixels result;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = c; i < pixels.size(); i += channels) result.push_back(pixels[i]);
  return result;
}

TEST(Picture, LosslessFormatsAreExact) {
  const Pixels grey = ramp(6 * 4), colour = ramp(6 * 4 * 3);
  EXPECT_EQ(decode_picture(bytes(png(6, 4, 1, grey)), {1, 4, 6}, "x"), grey);
  EXPECT_EQ(decode_picture(bytes(ppm("P5", 6, 4, grey)), {1, 4, 6}, "x"), grey);
  for (const std::string& text : {png(6, 4, 3, colour), bmp(6, 4, 3, colour), ppm("P6", 6, 4, colour)}) {
    EXPECT_EQ(picture_shape(bytes(text), "x"), (Shape{3, 4, 6}));
    EXPECT_EQ(decode_picture(bytes(text), {3, 4, 6}, "x"), planes(colour, 3));
  }
}

TEST(Picture, ChannelsAreConverted) {
  const Pixels grey = ramp(6 * 4);
  const Pixels three = decode_picture(bytes(png(6, 4, 1, grey)), {3, 4, 6}, "x");
  for (std::size_t i = 0; i < three.size(); ++i) EXPECT_EQ(three[i], grey[i % 24]);
  const Pixels red_and_half_alpha = {200, 0, 0, 128};
  EXPECT_EQ(decode_picture(bytes(png(1, 1, 4, red_and_half_alpha)), {3, 1, 1}, "x"), (Pixels{200, 0, 0}));
  const Pixels one = decode_picture(bytes(png(1, 1, 4, red_and_half_alpha)), {1, 1, 1}, "x");
  EXPECT_NEAR(one[0], 200 * 0.299, 2);
  EXPECT_EQ(picture_shape(bytes(png(1, 1, 2, {7, 9})), "x").c, 1);
  EXPECT_HONE_ERROR(decode_picture(bytes(png(1, 1, 1, {7})), {2, 1, 1}, "x"), config, "2 channels; expected 1 or 3");
}

TEST(Picture, JpegIsClose) {
  const Pixels flat(16 * 16 * 3, 100);
  const Pixels decoded = decode_picture(bytes(jpg(16, 16, 3, flat)), {3, 16, 16}, "x");
  for (const std::uint8_t value : decoded) ASSERT_NEAR(value, 100, 3);
}

TEST(Picture, ScalingKeepsFlatAndRamps) {
  const Pixels flat(20 * 10, 77);
  for (const std::uint8_t value : decode_picture(bytes(png(20, 10, 1, flat)), {1, 7, 33}, "x")) ASSERT_EQ(value, 77);
  Pixels columns(40 * 8);  // 0, 6, 12, ... from left to right
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<std::uint8_t>(i % 40 * 6);
  const Pixels half = decode_picture(bytes(png(40, 8, 1, columns)), {1, 4, 20}, "x");
  for (std::size_t x = 2; x < 18; ++x) EXPECT_NEAR(half[20 + x], (2 * static_cast<double>(x) + 0.5) * 6, 1.01);
}

// Twice the size: each target pixel is three parts its nearest source pixel and one part the next, along each axis.
TEST(Picture, DoublingIsBilinear) {
  const Pixels two = {0, 200};
  const Pixels four = decode_picture(bytes(png(2, 1, 1, two)), {1, 2, 4}, "x");
  EXPECT_EQ(four, (Pixels{0, 50, 150, 200, 0, 50, 150, 200}));
}

// Any sizes: the average brightness stays, and nothing goes beyond the darkest and the brightest.
TEST(Picture, AnySizeStaysInRange) {
  const Pixels source = ramp(13 * 9 * 3);
  for (int height = 1; height < 30; height += 4)
    for (int width = 1; width < 30; width += 3) {
      const Pixels scaled = decode_picture(bytes(png(13, 9, 3, source)), {3, height, width}, "x");
      const auto [low, high] = std::minmax_element(scaled.begin(), scaled.end());
      EXPECT_GE(*low, *std::min_element(source.begin(), source.end()));
      EXPECT_LE(*high, *std::max_element(source.begin(), source.end()));
      double sum = 0;
      for (const std::uint8_t value : scaled) sum += value;
      EXPECT_NEAR(sum / static_cast<double>(scaled.size()), 128, 16);
    }
}

TEST(Picture, EveryTruncationIsRefused) {
  const Pixels colour = ramp(9 * 7 * 3);
  for (const std::string& whole : {png(9, 7, 3, colour), bmp(9, 7, 3, colour), jpg(9, 7, 3, colour),
                                   ppm("P6", 9, 7, colour), ppm("P5", 9, 7, ramp(63))}) {
    decode_picture(bytes(whole), {3, 7, 9}, "x");
    for (std::size_t length = 0; length < whole.size(); ++length)
      EXPECT_HONE_ERROR(decode_picture(bytes(whole.substr(0, length)), {3, 7, 9}, "x"), data, "x: ");
  }
}

TEST(Picture, DamagedBytesNeverCrash) {
  const Pixels colour = ramp(9 * 7 * 3);
  unsigned state = 1;
  for (const std::string& whole :
       {png(9, 7, 3, colour), bmp(9, 7, 3, colour), jpg(9, 7, 3, colour), ppm("P6", 9, 7, colour)})
    for (int round = 0; round < 400; ++round) {
      std::string damaged = whole;
      for (int i = 0; i < 3; ++i) {
        state = state * 1664525u + 1013904223u;
        damaged[(state >> 8) % damaged.size()] = static_cast<char>(state >> 24);
      }
      try {
        EXPECT_EQ(decode_picture(bytes(damaged), {1, 8, 8}, "x").size(), 64u);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data);
      }
    }
}

TEST(Picture, HugeClaimsAreRefused) {
  const auto shape = [](const std::string& text) { return picture_shape(bytes(text), "x"); };
  EXPECT_HONE_ERROR(shape("P6\n8192 8192\n255\nabc"), data, "x: claims more pixels", "8192 x 8192 pixels in 20 bytes");
  EXPECT_HONE_ERROR(shape("P6\n8193 1\n255\nabcdefghi"), data, "x: ");
  EXPECT_HONE_ERROR(shape("GIF89a........"), data, "expected a complete PNG, JPEG, BMP, PGM or PPM");
  EXPECT_HONE_ERROR(shape(""), data, "x: is cut off");
}

TEST(Picture, SamplesOfTwoBytesAreRefusedInPnm) {
  const std::string deep = "P6 2 2 65535\n" + std::string(24, 'x');
  EXPECT_HONE_ERROR(picture_shape(bytes(deep), "x"), data, "x: has more than 8 bits a sample");
  EXPECT_HONE_ERROR(decode_picture(bytes(deep), {1, 2, 2}, "x"), data, "x: has more than 8 bits a sample");
}

// A Huffman table of 4,080 codes, before the size is known: the decoder would write past its table.
TEST(Picture, HuffmanTablesMustFit) {
  std::string text = jpg(9, 7, 3, ramp(9 * 7 * 3));
  text.insert(2, "\xff\xc4" + std::string("\x10\x03\x00", 3) + std::string(16, '\xff') + std::string(4080, 'a'));
  EXPECT_HONE_ERROR(picture_shape(bytes(text), "x"), data, "x: is damaged (a Huffman table");
}

TEST(Picture, ManyScansAreRefused) {
  const std::string text = jpg(9, 7, 3, ramp(9 * 7 * 3));
  const std::size_t scan = text.find("\xff\xda");
  std::string many = text.substr(0, scan);
  for (int i = 0; i < 101; ++i) many += text.substr(scan, text.size() - 2 - scan);
  EXPECT_HONE_ERROR(picture_shape(bytes(many + "\xff\xd9"), "x"), data, "x: has more than 100 scans");
}

// A scan with tables that no segment defines: the same pixels whatever was in memory before.
TEST(Picture, WhatIsNotDefinedIsZero) {
  std::string picture = jpg(64, 64, 3, ramp(64 * 64 * 3));
  const std::size_t scan = picture.find("\xff\xda");
  ASSERT_NE(scan, std::string::npos);
  for (const std::size_t component : {6u, 8u, 10u}) picture[scan + component] = '\x33';
  picture.erase(scan + 14, picture.size() - 2 - (scan + 14));  // all zeros: no bits are taken
  Pixels first;
  for (const int filling : {1, 0x55, 0xaa}) {
    ::mallopt(M_PERTURB, filling);
    const Pixels pixels = decode_picture(bytes(picture), {3, 8, 8}, "x");
    ::mallopt(M_PERTURB, 0);
    if (first.empty()) first = pixels;
    EXPECT_EQ(pixels, first) << filling;
  }
}

// Of a large picture the end need not be waited for; a small one is not worth a look.
TEST(Picture, DecodingIsGivenUp) {
  struct Stop {};
  const auto stop = [] { throw Stop(); };
  const Pixels pixels = ramp(1100 * 1000);
  const std::string large = ppm("P5", 1100, 1000, pixels), small = ppm("P5", 110, 100, ramp(110 * 100));
  EXPECT_THROW(decode_picture(bytes(large), {1, 8, 8}, "x", stop), Stop);
  EXPECT_THROW(decode_picture(bytes(small), {3, 1100, 1000}, "x", stop), Stop);
  EXPECT_EQ(decode_picture(bytes(small), {1, 8, 8}, "x", stop).size(), 64u);
  EXPECT_EQ(decode_picture(bytes(large), {1, 1000, 1100}, "x", [] {}), pixels);
}

class ImageFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.write("train/cat/b.png", png(2, 2, 1, {1, 2, 3, 4}));
    folder.write("train/cat/a.pgm", ppm("P5", 2, 2, {5, 6, 7, 8}));
    folder.write("train/ant/z.png", png(2, 2, 1, {9, 10, 11, 12}));
    folder.write("train/cat/.hidden", "no picture");
    folder.write("test/cat/t.bmp", bmp(2, 2, 1, {13, 13, 13, 13}));
  }
  Dataset load(const LoadOptions& options = {}) const { return load_dataset("image_folder", folder.path(), options); }

  testing::TemporaryFolder folder;
};

TEST_F(ImageFolder, ClassesAndFilesAreSorted) {
  const Dataset set = load();
  EXPECT_EQ(set.classes, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(set.shape, (Shape{1, 2, 2}));
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{0, 1, 1}));
  EXPECT_EQ(set.train.pixels, (Pixels{9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4}));
  EXPECT_EQ(set.train.ids, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(set.test.labels, (std::vector<std::int32_t>{1}));
  EXPECT_EQ(set.test.pixels, (Pixels{13, 13, 13, 13}));
  EXPECT_EQ(set.validation.count, 0);
}

TEST_F(ImageFolder, ValidationAndWantedShape) {
  folder.write("validation/ant/v.png", png(3, 2, 3, ramp(18)));
  LoadOptions options;
  options.shape = {3, 4, 4};
  const Dataset set = load(options);
  EXPECT_EQ(set.shape, options.shape);
  EXPECT_EQ(set.validation.count, 1);
  EXPECT_EQ(set.validation.pixels.size(), 48u);
  EXPECT_EQ(set.train.pixels.size(), 3u * 48);
}

TEST_F(ImageFolder, UnreadableFilesAreNamedAndCounted) {
  folder.write("train/ant/a.png", png(2, 2, 1, {1, 2, 3, 4}).substr(0, 40));
  folder.write("test/cat/notes.txt", "hello");
  folder.write("train/cat/sub/x.png", "x");
  EXPECT_HONE_ERROR(load(), data, "3 of 7 files can't be read",
                    "train/ant/a.png: ", "train/cat/sub: is not a regular file", "notes.txt", "skip_unreadable");
  LoadOptions options;
  options.skip_unreadable = true;
  const Dataset set = load(options);
  EXPECT_EQ(set.unreadable.size(), 3u);
  EXPECT_EQ(set.train.count, 3);
  EXPECT_EQ(set.train.ids, (std::vector<std::uint32_t>{1, 2, 3}));  // a.png keeps its place
}

TEST_F(ImageFolder, ClassesMustAgree) {
  folder.write("test/dog/x.png", png(2, 2, 1, {1, 2, 3, 4}));
  EXPECT_HONE_ERROR(load(), data, "test/dog: is no class of train/");
  std::filesystem::remove_all(folder.path() / "test");
  EXPECT_HONE_ERROR(load(), data, "test: is missing");
  folder.write("train/stray.png", "x");
  EXPECT_HONE_ERROR(load(), data, "train/stray.png: is not a folder");
}

TEST_F(ImageFolder, LinksThatLeadOutAreRefused) {
  const testing::TemporaryFolder outside;
  const auto target = outside.write("o.png", png(2, 2, 1, {1, 2, 3, 4}));
  std::filesystem::create_symlink(target, folder.path() / "train/cat/o.png");
  EXPECT_HONE_ERROR(load(), data, "1 of 5 files", "o.png: is a link that leads out");
  std::filesystem::remove(folder.path() / "train/cat/o.png");
  std::filesystem::create_directory_symlink(outside.path(), folder.path() / "train/dog");
  EXPECT_HONE_ERROR(load(), data, "train/dog: is a link that leads out");
}

}  // namespace
}  // namespace hone
