// A checkpoint file: as it is, and with its header's checksum put right, so that what lies behind it is reached.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <string>

#include "engine/checkpoint/checkpoint.hpp"
#include "engine/checkpoint/safetensors.hpp"
#include "tests/fuzzing/target.hpp"
#include "tests/support/temporary_folder.hpp"
#include "trainer/run/train_state.hpp"

namespace hone::fuzzing {
namespace {

std::uint64_t header_length(std::string_view file) {
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<std::uint8_t>(file[i]);
  return length;
}

void put_checksum_right(std::string& file) {
  constexpr std::string_view key = "\"hone.xxh3.header\":\"";
  const std::size_t found = file.find(key), end = 8 + header_length(file);
  if (found == std::string::npos || end > file.size() || end < 8 || found + key.size() + 16 > end) return;
  const auto digits = file.begin() + static_cast<std::ptrdiff_t>(found + key.size());
  std::fill(digits, digits + 16, '0');
  std::uint64_t sum = XXH3_64bits(file.data(), end);
  for (std::ptrdiff_t i = 16; i-- > 0; sum >>= 4) digits[i] = "0123456789abcdef"[sum & 15];
}

}  // namespace

void run_safetensors(Bytes input) {
  static const testing::TemporaryFolder folder;
  const auto path = folder / "fuzz.safetensors";
  std::string file(as_text(input));
  if (file.size() < 8) return;
  expect_taken_or_refused({ErrorKind::checkpoint}, [&] {
    const std::string_view json = std::string_view(file).substr(8, header_length(file));
    parse_safetensors(json, file.size() - 8 - json.size(), "fuzz.safetensors");
  });
  for (int i = 0; i < 2; ++i) {
    replace_file(path, file);
    expect_taken_or_refused({ErrorKind::checkpoint}, [&] { read_state(read_checkpoint(path).metadata, "fuzz"); });
    put_checksum_right(file);
  }
}

}  // namespace hone::fuzzing
