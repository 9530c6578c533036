// A checkpoint: named float tensors and text about them, in one safetensors file with a checksum over every byte.
//
// Metadata of the file's own, not part of Checkpoint::metadata: hone.format, hone.xxh3.<tensor> (XXH3-64 of the
// tensor's bytes) and hone.xxh3.header (of the 8 length bytes and the header, its own 16 digits read as '0').
// Checksums are 16 lower-case hexadecimal digits and compared as text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hone {

struct CheckpointTensor {
  std::string name;                 // as PyTorch names it; unique
  std::vector<std::int64_t> shape;  // as PyTorch has it; its product is data.size()
  std::vector<float> data;

  friend bool operator==(const CheckpointTensor&, const CheckpointTensor&) = default;
};

struct Checkpoint {
  std::vector<CheckpointTensor> tensors;        // written in this order
  std::map<std::string, std::string> metadata;  // hone.version, hone.config, hone.step ...; UTF-8

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

class TemporaryFile;

// Called every now and then by what takes long, and at least once; what it throws ends that. May be empty.
using CheckpointProgress = std::function<void()>;

// Equal checkpoints give equal bytes. The file is replaced atomically. Error(io) where it cannot be written; then, and
// where `progress` throws, the older one is untouched.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      const CheckpointProgress& progress = {});
// The same bytes into a temporary file, on the disk when this returns; left to the caller to rename.
void write_checkpoint(TemporaryFile& file, const Checkpoint& checkpoint, const CheckpointProgress& progress = {});

// Verifies the whole file before a tensor is allocated. Error(checkpoint), naming the file, where it is missing,
// damaged in any way, or no checkpoint of hone; Error(io) where it cannot be opened.
Checkpoint read_checkpoint(const std::filesystem::path& path, const CheckpointProgress& progress = {});
// As read_checkpoint(), without the tensors.
void verify_checkpoint(const std::filesystem::path& path, const CheckpointProgress& progress = {});

}  // namespace hone
