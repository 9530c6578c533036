// Reading a data set's files, none of which is trusted: regular files inside of the set's folder only, sizes known
// before anything is allocated. Every error is Error(data) and names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace hone {

[[noreturn]] void data_error(const std::string& file, const std::string& message);

// An open regular file. Reads go forward from its start.
class File {
 public:
  // Any regular file, wherever it is; a symbolic link as the last part of the path is followed.
  static File open(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  // Up to `bytes`; less only at the file's end.
  std::size_t read_some(void* dst, std::size_t bytes);
  // Exactly `bytes`, or an error that names the offset where the file ended.
  void read(void* dst, std::size_t bytes);
  // The whole file, which may have at most `limit` bytes. `progress`: called now and then; may be empty.
  std::vector<std::uint8_t> read_all(std::uint64_t limit, const std::function<void()>& progress = {});

 private:
  friend class Folder;
  File(const std::filesystem::path& path, std::string name, bool follow);

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::string name_;
};

// The folder of a data set. Links that lead out of it are refused.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& path);

  // As it was given, for messages.
  std::string name(const std::string& relative = {}) const;
  bool has(const std::string& relative) const;
  bool has_folder(const std::string& relative) const;
  File open(const std::string& relative) const;
  // Names in a folder, in byte order, without those that begin with a dot.
  std::vector<std::string> list(const std::string& relative = {}) const;

 private:
  std::filesystem::path resolve(const std::string& relative) const;

  std::filesystem::path given_;
  std::filesystem::path root_;  // canonical
};

}  // namespace hone
