// The checkpoints to resume from: last.safetensors and the older ones last.1.safetensors, last.2.safetensors ...
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "engine/checkpoint/checkpoint.hpp"

namespace hone {

// Writes last.safetensors and keeps the `keep` - 1 before it. At every instant the folder holds a good one if it held
// one before; a damaged one never pushes out a good one. Error(io) where it cannot be written.
void save_last(const std::filesystem::path& folder, const Checkpoint& checkpoint, int keep,
               const CheckpointProgress& progress = {});

struct LoadedCheckpoint {
  Checkpoint checkpoint;
  std::filesystem::path path;
};

// The newest good one; each damaged one that is newer is named in a warning. Nothing where the folder holds none;
// Error(checkpoint) where all of them are damaged.
std::optional<LoadedCheckpoint> load_newest(const std::filesystem::path& folder,
                                            const std::function<void(const std::string&)>& on_warning,
                                            const CheckpointProgress& progress = {});

}  // namespace hone
