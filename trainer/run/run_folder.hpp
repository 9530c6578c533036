// The folder that a run writes: who may write it, and what its files are called.
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/base/file.hpp"

namespace hone {

// True where the folder holds any file of a run.
bool holds_run(const std::filesystem::path& folder);

// A run folder taken for writing: nobody else can take it while this object lives.
class RunFolder {
 public:
  // A folder for a new run, created where it is missing. Error(usage) where it holds a run already or another process
  // writes it; Error(io) where it cannot be created.
  static RunFolder create(const std::filesystem::path& folder);
  // The same, but the folder may hold a run to go on with: see resuming().
  static RunFolder open(const std::filesystem::path& folder);

  bool resuming() const { return resuming_; }
  // The user's bytes first, then the effective config: a folder with config.yaml has both.
  void write_config(std::string_view effective, std::string_view source) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path source() const { return path_ / "source.yaml"; }
  std::filesystem::path history() const { return path_ / "history.csv"; }
  std::filesystem::path events() const { return path_ / "events.jsonl"; }
  std::filesystem::path metrics() const { return path_ / "metrics.json"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path log() const { return path_ / "train.log"; }

 private:
  RunFolder(const std::filesystem::path& folder, bool may_hold_run);

  std::filesystem::path path_;
  FileLock lock_;
  bool resuming_ = false;
};

}  // namespace hone
