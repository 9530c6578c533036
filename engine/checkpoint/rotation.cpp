#include "engine/checkpoint/rotation.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStem = "last";
constexpr std::string_view kExtension = ".safetensors";

// age 0: last.safetensors, 1: last.1.safetensors ...
fs::path path_of(const fs::path& folder, int age) {
  return folder / (std::string(kStem) + (age > 0 ? "." + std::to_string(age) : "") + std::string(kExtension));
}

// The inverse of path_of(); -1 for other names.
int age_of(std::string_view name) {
  if (!name.starts_with(kStem) || !name.ends_with(kExtension)) return -1;
  if (name.size() == kStem.size() + kExtension.size()) return 0;
  if (name.size() <= kStem.size() + kExtension.size() + 1 || name[kStem.size()] != '.') return -1;
  const std::string_view digits = name.substr(kStem.size() + 1, name.size() - kStem.size() - 1 - kExtension.size());
  int age = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), age);
  return error == std::errc() && end == digits.data() + digits.size() && age > 0 && digits[0] != '0' ? age : -1;
}

// Newest first.
std::vector<int> ages_in(const fs::path& folder) {
  std::vector<int> ages;
  std::error_code error;
  for (const std::string& name : list_folder(folder, error)) {
    const int age = age_of(name);
    if (age >= 0) ages.push_back(age);
  }
  if (error == std::errc::no_such_file_or_directory) return ages;
  if (error) throw Error(ErrorKind::io, Location{folder.string()}, "cannot be listed: " + error.message());
  std::sort(ages.begin(), ages.end());
  return ages;
}

bool is_good(const fs::path& path, const CheckpointProgress& progress) {
  try {
    verify_checkpoint(path, progress);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void save_last(const fs::path& folder, const Checkpoint& checkpoint, int keep, const CheckpointProgress& progress) {
  const fs::path last = path_of(folder, 0);
  const fs::path older = path_of(folder, 1);
  TemporaryFile file(last);
  write_checkpoint(file, checkpoint, progress);

  // A kill between the two links below leaves last and last.1 as two names of one file: nothing to shift then.
  std::error_code error;
  const bool shift = keep > 1 && is_good(last, progress) && !fs::equivalent(last, older, error);
  if (shift) {
    for (int age = keep - 1; age > 1; --age)
      if (fs::exists(path_of(folder, age - 1), error)) link_over(path_of(folder, age - 1), path_of(folder, age));
    link_over(last, older);
  }
  file.replace_target();
  bool dropped = false;
  for (const int age : ages_in(folder))
    if (age >= std::max(keep, 1)) dropped |= fs::remove(path_of(folder, age), error);
  if (dropped) sync_folder(folder);
}

std::optional<LoadedCheckpoint> load_newest(const fs::path& folder,
                                            const std::function<void(const std::string&)>& on_warning,
                                            const CheckpointProgress& progress) {
  const std::vector<int> ages = ages_in(folder);
  if (ages.empty()) return std::nullopt;
  std::vector<std::string> problems;
  if (ages[0] != 0) problems.push_back(path_of(folder, 0).string() + ": does not exist");
  ErrorKind kind = ErrorKind::checkpoint;
  for (const int age : ages) {
    const fs::path path = path_of(folder, age);
    try {
      LoadedCheckpoint loaded{read_checkpoint(path, progress), path};
      for (const std::string& problem : problems)
        on_warning(problem + "; taking the older " + path.filename().string());
      return loaded;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::checkpoint) kind = error.kind();
      problems.push_back(error.what());
    }
  }
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  throw Error(kind, "no good checkpoint is left: " + all);
}

}  // namespace hone
