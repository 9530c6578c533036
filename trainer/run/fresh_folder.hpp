// Takes back what was written for a run, or a search, that could not begin.
#pragma once

#include <filesystem>

namespace hone {

class FreshFolder {
 public:
  // Before the run folder is created: remembers what is there.
  explicit FreshFolder(const std::filesystem::path& folder);
  // Unless kept, removes a run's files from a folder that held none, and the folders that were not there.
  ~FreshFolder();
  FreshFolder(const FreshFolder&) = delete;
  FreshFolder& operator=(const FreshFolder&) = delete;

  void keep() { kept_ = true; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path highest_new_;  // the topmost folder that was not there; empty: all were
  bool kept_;
};

}  // namespace hone
