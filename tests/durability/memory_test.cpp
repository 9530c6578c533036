// What a file makes hone allocate before it is refused or taken is bounded by the file's size, whatever it claims.
// Sanitizers bring an allocator of their own: with them nothing is counted.
#include <gtest/gtest.h>
#include <malloc.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "engine/checkpoint/checkpoint.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/formats/image.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/faults.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/report/parameters.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/metrics_file.hpp"
#include "trainer/run/train_state.hpp"

namespace {

std::atomic<std::int64_t> live{0}, peak{0};
}

#if HONE_CAN_PRELOAD
namespace {

void* counted(void* memory) {
  if (memory == nullptr) return memory;
  const std::int64_t now = live += static_cast<std::int64_t>(::malloc_usable_size(memory));
  std::int64_t before = peak;
  while (now > before && !peak.compare_exchange_weak(before, now)) continue;
  return memory;
}

void uncounted(void* memory) {
  if (memory != nullptr) live -= static_cast<std::int64_t>(::malloc_usable_size(memory));
}

}  // namespace

// Take the place of the C library's, for every library of this program; operator new comes here as well.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t bytes) { return counted(__libc_malloc(bytes)); }
void* calloc(std::size_t count, std::size_t bytes) { return counted(__libc_calloc(count, bytes)); }
void* realloc(void* memory, std::size_t bytes) {
  uncounted(memory);
  return counted(__libc_realloc(memory, bytes));
}
void* memalign(std::size_t alignment, std::size_t bytes) { return counted(__libc_memalign(alignment, bytes)); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  uncounted(memory);
  __libc_free(memory);
}
}
#endif

namespace hone::testing {
namespace {

// tests/README.md says the same. Deflate packs at most 1,032 bytes into one; no picture is taken that would have more
// than 2,048 values a byte.
constexpr std::int64_t kHeaderTimes = 16, kPlainTimes = 5, kGzipTimes = 3 * 1032, kPictureTimes = 6 * 2048,
                       kConfigTimes = 128, kLargestConfigTimes = 32, kTextTimes = 48;
// Texts are so much shorter where nothing is counted, and everything takes its time.
constexpr std::size_t kShorter = HONE_CAN_PRELOAD ? 1 : 16;
constexpr std::int64_t kAnyway = std::int64_t{1} << 20;  // messages, buffers of a fixed size

// Most that `call` held at once. It may be refused.
template <class Call>
std::int64_t held_by(Call call) {
  const std::int64_t before = live;
  peak = before;
  try {
    call();
  } catch (const Error&) {
  }
  return peak - before;
}

void expect_held(std::int64_t held, std::int64_t times, std::size_t input, const std::string& what) {
  if (!HONE_CAN_PRELOAD) return;
  EXPECT_LE(held, times * static_cast<std::int64_t>(input) + kAnyway)
      << what << ": " << static_cast<double>(held) / static_cast<double>(input) << " times its " << input << " bytes";
}

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  return all;
}

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

TEST(Memory, OfACheckpointsHeader) {
  const TemporaryFolder folder;
  const auto held = [&](const std::string& bytes) {
    spill(folder / "x.safetensors", bytes);
    return held_by([&] { read_checkpoint(folder / "x.safetensors"); });
  };
  const std::size_t size = (std::size_t{4} << 20) / kShorter;
  std::string numbered = "{";
  for (int i = 0; numbered.size() < size; ++i)
    numbered += "\"" + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)";
  std::string metadata = R"({"__metadata__":{)";
  for (int i = 0; metadata.size() < size; ++i) metadata += "\"" + std::to_string(i) + R"(":"",)";
  for (const std::string& header :
       {R"({"w":{"dtype":"F32","shape":[)" + repeated("1,", size), repeated("[", size), repeated("{\"a\":", size),
        numbered, metadata, "{\"" + repeated("a", size), "{\"" + repeated("\\u0041", size)})
    expect_held(held(little_endian(header.size()) + header), kHeaderTimes, header.size(), header.substr(0, 40));
  for (const std::uint64_t claim : {std::uint64_t{1} << 20, std::uint64_t{1} << 40, ~std::uint64_t{0}})
    expect_held(held(little_endian(claim) + "{}"), 1, 10, "a claim of " + std::to_string(claim));
}

// Texts inside of a checkpoint, and files of a run: JSON and rows of numbers.
TEST(Memory, OfTextsOfARun) {
  const std::size_t size = (std::size_t{1} << 20) / kShorter;
  std::string names = "{", columns = format_history({});
  for (int i = 0; names.size() < size; ++i) names += "\"" + std::to_string(i) + "\":{},";
  const std::string rows = columns + repeated("0,0,,,,,,,\n", size - columns.size());
  const TemporaryFolder folder;
  for (const std::string& text :
       {repeated("[", size), repeated("{\"\":", size), "[" + repeated("\"\",", size) + "\"\"]",
        "[" + repeated("0,", size) + "0]", "[" + repeated("[],", size) + "0]", "[" + repeated("{},", size) + "0]",
        names + "\"\":0}", "{\"status\":" + repeated("[", size), rows}) {
    const auto expect = [&](const char* reader, const auto& call) {
      expect_held(held_by(call), kTextTimes, text.size(), reader + (": " + text.substr(0, 40)));
    };
    expect("labels", [&] { parse_labels(text, "x"); });
    expect("normalization", [&] { parse_normalization(text, "x"); });
    expect("history", [&] { parse_history(text, "x"); });
    for (const char* key : {"hone.history", "hone.state"}) {
      Metadata metadata = {{"hone.step", "0"},
                           {"hone.epoch", "0"},
                           {"hone.cursor", "0"},
                           {"hone.history", columns},
                           {"hone.state", "{}"}};
      metadata[key] = text;
      expect(key, [&] { read_state(metadata, "x"); });
    }
    spill(folder / "metrics.json", text.substr(0, size));
    expect("metrics", [&] { read_metrics(folder / "metrics.json"); });
    expect("parameters", [&] { parse_parameters(text); });
  }
}

std::string gzip(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

TEST(Memory, OfIdxFiles) {
  const auto held = [](const std::string& images, const std::string& labels, const std::string& suffix) {
    const TemporaryFolder folder;
    folder.write("train-images-idx3-ubyte" + suffix, images);
    folder.write("train-labels-idx1-ubyte" + suffix, labels);
    return held_by([&] { load_dataset("idx", folder.path()); });
  };
  constexpr std::uint32_t kMany = 0xffffffff;
  const std::string one = idx_bytes({1}, "\1"), zeros(16 << 20, '\0');
  expect_held(held(idx_bytes({kMany, 8192, 8192}, "x"), idx_bytes({kMany}, "x"), ""), 1, 10, "huge sizes");
  expect_held(held(idx_bytes({1, 8192, 8192}, "x"), one, ""), 1, 10, "one huge image");
  const std::string pixels = idx_bytes({1 << 20, 1, 1}, zeros.substr(0, 1 << 20));
  expect_held(held(pixels, idx_bytes({1 << 20}, zeros.substr(0, 1 << 20)), ""), kPlainTimes, 2 << 20,
              "many small images");
  const std::string images = gzip(idx_bytes({1, 8192, 8192}, zeros));
  expect_held(held(images, gzip(one), ".gz"), kGzipTimes, images.size(), "a .gz that holds less than it says");
  const std::string bomb = gzip(idx_bytes({1, 8, 8}, zeros));
  expect_held(held(bomb, gzip(one), ".gz"), 1, 10, "a .gz that holds more than it says");
  const std::string labels = gzip(idx_bytes({kMany}, zeros));
  expect_held(held(gzip(idx_bytes({kMany, 1, 1}, "")), labels, ".gz"), kGzipTimes, labels.size(), "labels without end");
}

TEST(Memory, OfCifarFiles) {
  const TemporaryFolder folder;
  folder.write("data_batch_1.bin", std::string(1000 * 3073, '\0'));
  folder.write("test_batch.bin", std::string(3073, '\0'));
  expect_held(held_by([&] { load_dataset("cifar_bin", folder.path()); }), kPlainTimes, 1001 * 3073, "cifar");
}

// A grey PNG of zeros; a chunk that says nothing makes the file as long as wanted.
std::string png_of_zeros(std::uint32_t side, char depth = 8, bool interlaced = false, std::size_t at_least = 0) {
  const auto word = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
  };
  const auto chunk = [&](const std::string& type, const std::string& data) {
    const std::string all = type + data;
    return word(static_cast<std::uint32_t>(data.size())) + all +
           word(static_cast<std::uint32_t>(
               ::crc32(0, reinterpret_cast<const Bytef*>(all.data()), static_cast<uInt>(all.size()))));
  };
  // Each row, and each of an interlaced picture's passes, has a byte of its own.
  const std::string raw(side * (std::size_t{side} * static_cast<std::size_t>(depth) / 8 + 8), '\0');
  std::string packed(::compressBound(raw.size()), '\0');
  uLongf length = packed.size();
  ::compress2(reinterpret_cast<Bytef*>(packed.data()), &length, reinterpret_cast<const Bytef*>(raw.data()), raw.size(),
              9);
  packed.resize(length);
  const std::string kind = {depth, 0, 0, 0, static_cast<char>(interlaced)};
  const std::string start = "\x89PNG\r\n\x1a\n" + chunk("IHDR", word(side) + word(side) + kind);
  const std::string end = chunk("IDAT", packed) + chunk("IEND", "");
  const std::size_t known = start.size() + end.size() + 12;
  return start + chunk("tEXt", std::string(std::max(known, at_least) - known, 'x')) + end;
}

// A grey JPEG that says it has side x side pixels, and then holds none; progressive: its coefficients are kept as well.
std::string jpeg_of_nothing(std::uint16_t side, bool progressive, std::size_t length) {
  const auto segment = [](char marker, const std::string& data) {
    const std::size_t size = data.size() + 2;
    return std::string{'\xff', marker, static_cast<char>(size >> 8), static_cast<char>(size & 0xff)} + data;
  };
  const std::string edge = {static_cast<char>(side >> 8), static_cast<char>(side & 0xff)};
  const std::string one_code = std::string(1, '\1') + std::string(15, '\0') + std::string(1, '\0');
  std::string file = "\xff\xd8" + segment('\xdb', std::string(65, '\0')) +
                     segment(progressive ? '\xc2' : '\xc0', "\x08" + edge + edge + std::string("\1\1\x11\0", 4)) +
                     segment('\xc4', std::string(1, '\0') + one_code) + segment('\xc4', "\x10" + one_code);
  const std::string scan =
      segment('\xda', std::string("\1\1\0\0", 4) + (progressive ? '\0' : '\x3f') + std::string(1, '\0')) + "\xff\xd9";
  while (file.size() + scan.size() + 4 < length)
    file += segment('\xfe', std::string(std::min<std::size_t>(length - file.size() - scan.size() - 4, 60000), 'x'));
  return file + scan;
}

TEST(Memory, OfPictures) {
  const auto bytes_of = [](const std::string& picture) {
    return std::span(reinterpret_cast<const std::uint8_t*>(picture.data()), picture.size());
  };
  const auto held = [&](const std::string& picture) {
    return held_by([&] { decode_picture(bytes_of(picture), {3, 8, 8}, "x"); });
  };
  for (const char* claim : {"P6 8192 8192 255\n", "P5 8192 1 255\n", "P6 99999999999 1 255\n"})
    expect_held(held(claim), 1, 10, claim);
  const std::string png = png_of_zeros(2000);
  expect_held(held(png), kPictureTimes, png.size(), "a png of zeros");
  constexpr std::uint16_t kSide = 2896;
  const std::size_t least = std::size_t{kSide} * kSide / 2048 + 1;  // shorter files are refused
  for (const bool interlaced : {false, true})
    for (const char depth : {'\1', '\2', '\4', '\x8', '\x10'}) {
      const std::string picture = png_of_zeros(kSide, depth, interlaced, least);
      expect_held(held(picture), kPictureTimes, picture.size(), "depth " + std::to_string(depth));
    }
  for (const bool progressive : {false, true}) {
    const std::string picture = jpeg_of_nothing(kSide, progressive, least);
    expect_held(held(picture), kPictureTimes, picture.size(), progressive ? "a progressive jpeg" : "a jpeg");
    EXPECT_EQ(decode_picture(bytes_of(picture), {1, 8, 8}, "x"), std::vector<std::uint8_t>(64, 128));
  }
  std::string larger = png;
  larger[18] = '\x1f';  // its width; the checksum no longer agrees
  expect_held(held(larger), 1, larger.size(), "a png that claims more");
}

TEST(Memory, OfConfigs) {
  // The largest, and one whose brackets and commas are just not too many.
  for (const std::size_t size : {std::size_t{1} << 20, std::size_t{180'000}})
    for (const std::string unit : {"- ", "[", "[\n", "{", "{a,\n", "{a: ", "{a: b},", "[a,a],", "[],", "a: &a b\n",
                                   "- a\n", "!a ", "\"\\0", "? a\n", "#", "\n", "'", "|\n "}) {
      const std::string text = repeated(unit, size / kShorter - 64);
      const std::string list = "model: {layers: [" + text;
      const std::int64_t times = size < 1 << 20 ? kConfigTimes : kLargestConfigTimes;
      expect_held(held_by([&] { parse_config(text, "x.yaml"); }), times, size, "config of " + unit);
      expect_held(held_by([&] { parse_config(list, "x.yaml"); }), times, size, "layers of " + unit);
    }
  expect_held(held_by([&] { parse_config(std::string(64 << 20, 'a'), "x.yaml"); }), 2, 64 << 20, "a huge config");
}

}  // namespace
}  // namespace hone::testing
