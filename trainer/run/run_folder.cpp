#include "trainer/run/run_folder.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/base/error.hpp"

namespace hone {

namespace fs = std::filesystem;

namespace {

// What there is, links not followed in the last part where `link` is set. What can't be told is an error: taken for
// missing, a run would begin anew.
fs::file_status status_of(const fs::path& path, bool link) {
  std::error_code error;
  const fs::file_status status = link ? fs::symlink_status(path, error) : fs::status(path, error);
  if (!fs::status_known(status))
    throw Error(ErrorKind::io, Location{path.string()}, "cannot be examined: " + error.message());
  return status;
}

FileLock take(const fs::path& folder) {
  if (const fs::file_status status = status_of(folder, false); fs::exists(status) && !fs::is_directory(status))
    throw Error(ErrorKind::usage, Location{folder.string()}, "is a file; expected a folder for the run");
  create_folders(folder);
  std::optional<FileLock> lock = FileLock::try_lock(folder / ".lock");
  if (!lock) throw Error(ErrorKind::usage, Location{folder.string()}, "another process is writing this run folder");
  return std::move(*lock);
}

}  // namespace

bool holds_run(const fs::path& folder) {
  constexpr std::array names = {"config.yaml",  "history.csv",      "events.jsonl",       "train.log",
                                "metrics.json", "last.safetensors", "last.1.safetensors", "best.safetensors"};
  return std::any_of(names.begin(), names.end(),
                     [&](const char* name) { return fs::exists(status_of(folder / name, true)); });
}

RunFolder::RunFolder(const fs::path& folder, bool may_hold_run)
    : path_(folder), lock_(take(folder)), resuming_(holds_run(folder)) {
  if (resuming_ && !may_hold_run)
    throw Error(ErrorKind::usage, Location{folder.string()},
                "holds a run already; --resume goes on with it, another --out starts anew");
  sweep_temporaries(path_);
}

RunFolder RunFolder::create(const fs::path& folder) { return {folder, false}; }

RunFolder RunFolder::open(const fs::path& folder) { return {folder, true}; }

void RunFolder::write_config(std::string_view effective, std::string_view source_bytes) const {
  write_file_atomically(source(), source_bytes);
  write_file_atomically(config(), effective);
}

}  // namespace hone
