// The header of a safetensors file.
//
//   8 bytes      length of the header, little endian
//   header       JSON: {"__metadata__": {string: string}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...},
//                padded with spaces to a multiple of 8
//   data         the tensors one behind the other; offsets count from here
//
// The format: https://github.com/huggingface/safetensors
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

inline constexpr std::size_t kSafetensorsPrefix = 8;
inline constexpr std::uint64_t kSafetensorsMaxHeader = std::uint64_t{64} << 20;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes within the data

  friend bool operator==(const SafetensorsEntry&, const SafetensorsEntry&) = default;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;        // in the file's order
  std::map<std::string, std::string> metadata;  // __metadata__
};

// The 8 length bytes and the padded JSON. Equal headers give equal bytes. Throws Error(internal) for names and metadata
// that are not UTF-8, or a header longer than readers accept.
std::string format_safetensors(const SafetensorsHeader& header);

// `json` as it stands in the file; `data_bytes` follow it. Tensors must be F32, unique, in the order of their data, and
// cover the data exactly. Throws Error(checkpoint) naming `file`.
SafetensorsHeader parse_safetensors(std::string_view json, std::uint64_t data_bytes, const std::string& file);

}  // namespace hone
