#include "engine/checkpoint/checkpoint.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <set>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace hone {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little endian");

constexpr std::string_view kFormatKey = "hone.format";
constexpr std::string_view kFormat = "1";
constexpr std::string_view kSumPrefix = "hone.xxh3.";
constexpr std::string_view kHeaderSumKey = "hone.xxh3.header";
constexpr std::string_view kNoDigits = "0000000000000000";
constexpr std::uint64_t kBlock = std::uint64_t{1} << 20;  // bytes read or written at a time

class Checksum {
 public:
  Checksum() { XXH3_64bits_reset(&state_); }
  void add(const void* bytes, std::size_t size) { XXH3_64bits_update(&state_, bytes, size); }
  std::string text() const {
    const std::uint64_t value = XXH3_64bits_digest(&state_);
    std::string digits(16, '0');
    for (std::size_t i = 0; i < 16; ++i) digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 0xf];
    return digits;
  }

 private:
  XXH3_state_t state_;
};

// Calls visit(block) for the blocks that the bytes consist of.
template <class Visit>
void for_each_block(std::string_view bytes, const CheckpointProgress& progress, Visit visit) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(kBlock, bytes.size()))) {
    visit(bytes.substr(0, kBlock));
    if (progress) progress();
  }
}

std::string checksum(std::string_view bytes, const CheckpointProgress& progress = {}) {
  Checksum sum;
  for_each_block(bytes, progress, [&](std::string_view block) { sum.add(block.data(), block.size()); });
  return sum.text();
}

std::string_view as_bytes(const std::vector<float>& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size() * sizeof(float)};
}

std::string sum_key(const std::string& tensor) { return std::string(kSumPrefix) + tensor; }

// Where in the header text the digits of its own checksum stand; npos where they do not. Quotes inside of a JSON
// string are escaped, so this can only match the key itself.
std::size_t find_header_digits(std::string_view header) {
  const std::string key = "\"" + std::string(kHeaderSumKey) + "\":\"";
  const std::size_t found = header.find(key);
  if (found == std::string_view::npos || header.size() < found + key.size() + kNoDigits.size() + 1)
    return std::string_view::npos;
  const std::size_t digits = found + key.size();
  return header[digits + kNoDigits.size()] == '"' ? digits : std::string_view::npos;
}

// The length bytes and the header, with all checksums.
std::string encode_header(const Checkpoint& checkpoint, const CheckpointProgress& progress) {
  SafetensorsHeader header;
  for (const auto& [key, value] : checkpoint.metadata) {
    if (key == kFormatKey || key.starts_with(kSumPrefix))
      throw Error(ErrorKind::internal, "checkpoint metadata '" + key + "' is the file format's own");
    header.metadata[key] = value;
  }
  header.metadata[std::string(kFormatKey)] = kFormat;
  header.metadata[std::string(kHeaderSumKey)] = kNoDigits;
  std::uint64_t at = 0;
  std::set<std::string_view> names;
  for (const CheckpointTensor& tensor : checkpoint.tensors) {
    std::uint64_t elements = 1;
    for (const std::int64_t extent : tensor.shape) elements *= static_cast<std::uint64_t>(extent);
    if (elements != tensor.data.size() || !names.insert(tensor.name).second || tensor.name == "header" ||
        tensor.name == "__metadata__")
      throw Error(ErrorKind::internal, "checkpoint tensor '" + tensor.name + "' has a wrong size or name");
    const std::uint64_t end = at + elements * sizeof(float);
    header.tensors.push_back({tensor.name, "F32", tensor.shape, at, end});
    header.metadata[sum_key(tensor.name)] = checksum(as_bytes(tensor.data), progress);
    at = end;
  }
  std::string bytes = format_safetensors(header);
  bytes.replace(find_header_digits(bytes), kNoDigits.size(), checksum(bytes));
  return bytes;
}

// A file whose header is verified.
struct OpenCheckpoint {
  InputFile file;
  SafetensorsHeader header;
  std::uint64_t data_start = 0;

  [[noreturn]] void refuse(const std::string& problem) const {
    throw Error(ErrorKind::checkpoint, Location{file.path().string()}, problem);
  }
  const std::string& sum(const SafetensorsEntry& tensor) const {
    const auto found = header.metadata.find(sum_key(tensor.name));
    if (found == header.metadata.end()) refuse("tensor '" + tensor.name + "' has no checksum");
    return found->second;
  }
  void check(const SafetensorsEntry& tensor, const std::string& actual) const {
    if (actual != sum(tensor)) refuse("is damaged: the checksum of tensor '" + tensor.name + "' does not agree");
  }
};

OpenCheckpoint open_checkpoint(const std::filesystem::path& path) {
  OpenCheckpoint open{InputFile(path, {.missing = ErrorKind::checkpoint, .denied = ErrorKind::io}), {}, 0};
  if (open.file.size() < kSafetensorsPrefix) open.refuse("is too short to be a checkpoint");
  std::array<unsigned char, kSafetensorsPrefix> prefix{};
  open.file.read(0, prefix.data(), prefix.size());
  std::uint64_t length = 0;
  for (std::size_t i = prefix.size(); i-- > 0;) length = length << 8 | prefix[i];
  if (length > kSafetensorsMaxHeader || length > open.file.size() - kSafetensorsPrefix)
    open.refuse("is not a safetensors file, or damaged: its header would be " + std::to_string(length) + " bytes long");
  open.data_start = kSafetensorsPrefix + length;

  std::string bytes(static_cast<std::size_t>(open.data_start), '\0');
  open.file.read(0, bytes.data(), bytes.size());
  const std::string_view json = std::string_view(bytes).substr(kSafetensorsPrefix);
  open.header = parse_safetensors(json, open.file.size() - open.data_start, path.string());

  const auto& metadata = open.header.metadata;
  const auto format = metadata.find(std::string(kFormatKey));
  const auto sum = metadata.find(std::string(kHeaderSumKey));
  if (format == metadata.end() && sum == metadata.end())
    open.refuse("is a safetensors file but no checkpoint of hone; expected one that hone wrote");
  const std::size_t digits = find_header_digits(bytes);
  if (sum == metadata.end() || digits == std::string::npos) open.refuse("is damaged: its header has no checksum");
  bytes.replace(digits, kNoDigits.size(), kNoDigits);
  if (checksum(bytes) != sum->second) open.refuse("is damaged: the checksum of its header does not agree");
  if (format == metadata.end() || format->second != kFormat)
    open.refuse("is a checkpoint of another version of hone; this one reads format " + std::string(kFormat));
  return open;
}

// Reads a tensor block by block: the next `bytes` into what place(bytes) gives. Checks its sum.
template <class Place>
void read_tensor(const OpenCheckpoint& open, const SafetensorsEntry& tensor, const CheckpointProgress& progress,
                 Place place) {
  Checksum sum;
  for (std::uint64_t at = tensor.begin; at < tensor.end;) {
    const auto bytes = static_cast<std::size_t>(std::min(kBlock, tensor.end - at));
    void* block = place(bytes);
    open.file.read(open.data_start + at, block, bytes);
    sum.add(block, bytes);
    at += bytes;
    if (progress) progress();
  }
  open.check(tensor, sum.text());
}

void verify_tensors(const OpenCheckpoint& open, const CheckpointProgress& progress) {
  std::vector<char> block(static_cast<std::size_t>(std::min(kBlock, open.file.size())));
  for (const SafetensorsEntry& tensor : open.header.tensors)
    read_tensor(open, tensor, progress, [&](std::size_t) { return block.data(); });
}

// Syncs a large file piece by piece while it is written: one sync at the end could take minutes, and nothing can break
// it off. A piece is what the disk takes in about a tenth of a second.
class PacedSync {
 public:
  explicit PacedSync(TemporaryFile& file) : file_(file) {}

  void wrote(std::size_t bytes) {
    unsynced_ += bytes;
    if (unsynced_ < piece_) return;
    const auto start = std::chrono::steady_clock::now();
    file_.sync();
    const auto took = std::chrono::steady_clock::now() - start;
    unsynced_ = 0;
    if (took < std::chrono::milliseconds(50)) piece_ = std::min(2 * piece_, kLargest);
    if (took > std::chrono::milliseconds(200)) piece_ = std::max(piece_ / 2, kSmallest);
  }

 private:
  static constexpr std::size_t kSmallest = std::size_t{1} << 20, kFirst = 8 * kSmallest, kLargest = 128 * kSmallest;
  TemporaryFile& file_;
  std::size_t unsynced_ = 0, piece_ = kFirst;
};

}  // namespace

void write_checkpoint(TemporaryFile& file, const Checkpoint& checkpoint, const CheckpointProgress& progress) {
  PacedSync paced(file);
  const auto write = [&](std::string_view bytes) {
    for_each_block(bytes, progress, [&](std::string_view block) {
      file.write(block);
      paced.wrote(block.size());
    });
  };
  write(encode_header(checkpoint, progress));
  for (const CheckpointTensor& tensor : checkpoint.tensors) write(as_bytes(tensor.data));
  file.sync();
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      const CheckpointProgress& progress) {
  TemporaryFile file(path);
  write_checkpoint(file, checkpoint, progress);
  file.replace_target();
}

void verify_checkpoint(const std::filesystem::path& path, const CheckpointProgress& progress) {
  verify_tensors(open_checkpoint(path), progress);
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const CheckpointProgress& progress) {
  OpenCheckpoint open = open_checkpoint(path);
  verify_tensors(open, progress);
  Checkpoint checkpoint;
  for (const SafetensorsEntry& entry : open.header.tensors) {
    CheckpointTensor tensor{entry.name, entry.shape, {}};
    tensor.data.reserve(static_cast<std::size_t>(entry.end - entry.begin) / sizeof(float));
    // Its sum once more: the file could have changed in between.
    read_tensor(open, entry, progress, [&](std::size_t bytes) {
      const std::size_t at = tensor.data.size();
      tensor.data.resize(at + bytes / sizeof(float));
      return tensor.data.data() + at;
    });
    checkpoint.tensors.push_back(std::move(tensor));
  }
  checkpoint.metadata = std::move(open.header.metadata);
  std::erase_if(checkpoint.metadata,
                [](const auto& item) { return item.first == kFormatKey || item.first.starts_with(kSumPrefix); });
  return checkpoint;
}

}  // namespace hone
