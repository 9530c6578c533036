#include "trainer/run/fresh_folder.hpp"

#include <array>
#include <system_error>

#include "trainer/run/run_folder.hpp"

namespace hone {

namespace fs = std::filesystem;

FreshFolder::FreshFolder(const fs::path& folder)
    : folder_(fs::absolute(folder).lexically_normal()),
      kept_(holds_run(folder) || fs::exists(folder / "search.jsonl")) {
  if (!folder_.has_filename()) folder_ = folder_.parent_path();  // "runs/a/"
  std::error_code ignored;
  for (fs::path at = folder_; at.has_relative_path() && !fs::exists(at, ignored); at = at.parent_path())
    highest_new_ = at;
}

FreshFolder::~FreshFolder() {
  if (kept_) return;
  std::error_code ignored;
  constexpr std::array names = {"config.yaml", "source.yaml", "events.jsonl", "train.log", "search.jsonl"};
  for (const char* name : names) fs::remove(folder_ / name, ignored);
  if (highest_new_.empty()) return;  // the lock stays: it is never deleted where others may know of it
  fs::remove(folder_ / ".lock", ignored);
  for (fs::path at = folder_;; at = at.parent_path()) {
    if (!fs::remove(at, ignored) || ignored || at == highest_new_) return;
  }
}

}  // namespace hone
