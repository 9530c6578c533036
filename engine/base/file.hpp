// Files that must survive a kill, a full disk and a power cut: the one place that does POSIX I/O for them.
// What fails to be written is Error(io), naming the file and the system's reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"

namespace hone {

// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// What a file means to whoever reads it: a missing data set is exit 4, a missing checkpoint exit 5.
struct InputRules {
  ErrorKind missing = ErrorKind::io;  // does not exist, is no regular file, is too large or shrinks while read
  ErrorKind denied = ErrorKind::io;   // cannot be opened or read
  bool follow_links = true;           // false: a symbolic link is refused (files that others may have planted)
};

// A regular file, read at any offset.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path, const InputRules& rules = {});
  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  // Reads exactly `bytes` bytes from `offset` on.
  void read(std::uint64_t offset, void* dst, std::size_t bytes) const;

 private:
  std::filesystem::path path_;
  InputRules rules_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;
};

// The whole of a regular file that is at most max_bytes long.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes, const InputRules& rules = {});

// A file under a temporary name in the target's own folder. Without replace_target() it is gone at the end, so that
// neither an error nor a full disk leaves anything behind; what a kill leaves is found by sweep_temporaries().
class TemporaryFile {
 public:
  explicit TemporaryFile(std::filesystem::path target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes);
  // The bytes are on the disk when this returns.
  void sync();
  // Renames it over the target (after sync()) and syncs the folder.
  void replace_target();

 private:
  std::filesystem::path target_, path_;
  FileDescriptor fd_;
};

// Afterwards the file holds either its old bytes or all the new ones, whatever happens in between.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> chunks);
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

// Atomic: `to` names the file that `from` names; what `to` named before is dropped. Both are in one folder.
void link_over(const std::filesystem::path& from, const std::filesystem::path& to);
void rename_over(const std::filesystem::path& from, const std::filesystem::path& to);
// Makes renames in the folder survive a power cut.
void sync_folder(const std::filesystem::path& folder);
// Names of what is in the folder, in no order.
std::vector<std::string> list_folder(const std::filesystem::path& folder, std::error_code& error);
// mkdir -p.
void create_folders(const std::filesystem::path& folder);
// Removes the temporaries that killed processes left in the folder. Only for who holds the folder's lock.
void sweep_temporaries(const std::filesystem::path& folder);

// Lines at the end of a file, each by one write: a reader never sees half a line of a living writer.
class AppendFile {
 public:
  // Creates the file where it is missing; cuts a last line that has no end (its writer was killed).
  explicit AppendFile(std::filesystem::path path);
  // `line` comes without its line end (one inside becomes a space). On failure the file is what it was before.
  void append_line(std::string_view line);
  // Sets the modification time to now. Failure is not reported: the next write will tell.
  void touch() const noexcept;

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
};

// An exclusive lock that ends with the process, however it ends. The lock file is never deleted: who deletes it could
// be holding another file than the next one who locks.
class FileLock {
 public:
  // Creates the file where it is missing. Nothing where somebody else holds the lock.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);

 private:
  explicit FileLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace hone
