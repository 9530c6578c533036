#include "engine/data/formats/picture_check.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace hone {
namespace {

using Bytes = std::span<const std::uint8_t>;
constexpr const char* kCutOff = "is cut off";

std::uint64_t little_endian(Bytes bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

std::uint32_t big_endian(Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24 | static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

// Chunks that lie in the file, with the right checksums, up to the end chunk. The decoder allocates by their lengths.
const char* png_problem(Bytes bytes) {
  for (std::size_t at = 8; bytes.size() - at >= 12;) {
    const std::size_t length = big_endian(bytes, at);
    if (length > bytes.size() - at - 12) return kCutOff;
    const auto sum = crc32(0, bytes.data() + at + 4, static_cast<uInt>(length + 4));
    if (sum != big_endian(bytes, at + 8 + length)) return "is damaged (a checksum is wrong)";
    if (std::memcmp(bytes.data() + at + 4, "IEND", 4) == 0) return nullptr;
    at += 12 + length;
  }
  return kCutOff;
}

// An end marker after the last scan's start (inside of scans, ff is followed by 00), no Huffman table of more than 256
// codes, since the decoder writes past its own table then, and no more scans than any encoder writes: each may go over
// the whole picture.
const char* jpeg_problem(Bytes bytes) {
  constexpr int kMostScans = 100;
  bool ended = false;
  int scans = 0;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    if (bytes[i - 1] != 0xff) continue;
    if (bytes[i] == 0xd9) ended = true;
    if (bytes[i] == 0xda) {
      ended = false;
      if (++scans > kMostScans) return "has more than 100 scans";
    }
    if (bytes[i] != 0xc4 || bytes.size() - i < 3) continue;
    const std::size_t end = i + 1 + (std::size_t{bytes[i + 1]} << 8 | bytes[i + 2]);
    for (std::size_t table = i + 3; table < std::min(end, bytes.size());) {
      if (bytes[table] >> 4 > 1 || (bytes[table] & 15) > 3) break;  // refused by the decoder
      std::size_t codes = 0;
      for (std::size_t j = 1; j <= 16 && table + j < bytes.size(); ++j) codes += bytes[table + j];
      if (codes > 256) return "is damaged (a Huffman table of more than 256 codes)";
      table += 17 + codes;
    }
  }
  return ended ? nullptr : kCutOff;
}

const char* bmp_problem(Bytes bytes, const Shape& shape) {
  if (bytes.size() < 30) return kCutOff;
  const std::uint64_t bits = little_endian(bytes, little_endian(bytes, 14, 4) == 12 ? 24 : 28, 2);
  const std::uint64_t row = (static_cast<std::uint64_t>(shape.w) * bits + 31) / 32 * 4;
  const std::uint64_t needed = little_endian(bytes, 10, 4) + row * static_cast<std::uint64_t>(shape.h);
  return bytes.size() < needed ? kCutOff : nullptr;
}

struct PnmHeader {
  std::uint64_t numbers[3] = {};  // width, height, largest value
  std::size_t end = 2;            // one byte and the samples follow
};

// Numbers in digits, with white space and comments before each. One beyond 65,535 is left there.
PnmHeader pnm_header(Bytes bytes) {
  const auto space = [](std::uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); };
  PnmHeader header;
  std::size_t& at = header.end;
  for (std::uint64_t& number : header.numbers) {
    while (at < bytes.size() && (space(bytes[at]) || bytes[at] == '#')) {
      if (bytes[at] == '#')
        while (at < bytes.size() && bytes[at] != '\n' && bytes[at] != '\r') ++at;
      else
        ++at;
    }
    while (at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && number <= 65535)
      number = number * 10 + (bytes[at++] - std::uint64_t{'0'});
  }
  return header;
}

const char* pnm_problem(Bytes bytes) {
  const PnmHeader header = pnm_header(bytes);
  // The decoder's own numbers would overflow.
  if (std::max(header.numbers[0], header.numbers[1]) > 65535) return "is damaged (a side of more than 65535 pixels)";
  // Of two bytes a sample, it takes the wrong one, and reads past its end where it changes the channels.
  if (header.numbers[2] > 255) return "has more than 8 bits a sample";
  return nullptr;
}

const char* pnm_problem(Bytes bytes, const Shape& shape) {
  const std::uint64_t needed = pnm_header(bytes).end + 1 + static_cast<std::uint64_t>(shape.size());
  return bytes.size() < needed ? kCutOff : nullptr;
}

}  // namespace

const char* structure_problem(Bytes encoded) {
  if (encoded.size() < 8) return kCutOff;
  switch (encoded[0]) {
    case 0x89:
      return png_problem(encoded);
    case 0xff:
      return jpeg_problem(encoded);
    case 'P':
      return pnm_problem(encoded);
    case 'B':
      return nullptr;
    default:
      return "is of no known format";
  }
}

const char* size_problem(Bytes encoded, const Shape& shape) {
  // The densest of these formats (deflate) packs about 1,030 bytes into one.
  if (static_cast<std::uint64_t>(shape.size()) > 2048 * std::uint64_t{encoded.size()})
    return "claims more pixels than its bytes can hold";
  if (encoded[0] == 'B') return bmp_problem(encoded, shape);
  if (encoded[0] == 'P') return pnm_problem(encoded, shape);
  return nullptr;
}

}  // namespace hone
