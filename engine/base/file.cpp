#include "engine/base/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemporarySuffix = ".hone-tmp";
constexpr mode_t kFileMode = 0666;  // less the umask

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(ErrorKind kind, const fs::path& path, const std::string& what, int error) {
  throw Error(kind, Location{path.string()}, what + ": " + reason(error));
}

// Calls a system call again where a signal broke it off.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Writes all of it; false with errno where that fails.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

InputFile::InputFile(fs::path path, const InputRules& rules) : path_(std::move(path)), rules_(rules) {
  // Non-blocking: opening a FIFO must not wait for its writer.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (rules.follow_links ? 0 : O_NOFOLLOW);
  fd_ = FileDescriptor(retry([&] { return ::open(path_.c_str(), flags); }));
  const Location where{path_.string()};
  if (!fd_) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) throw Error(rules.missing, where, "does not exist");
    if (error == ELOOP && !rules.follow_links)
      throw Error(rules.missing, where, "is a symbolic link; expected a regular file");
    if (error == ENXIO) throw Error(rules.missing, where, "is not a regular file");
    fail(rules.denied, path_, "cannot be opened", error);
  }
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) fail(rules.denied, path_, "cannot be examined", errno);
  if (S_ISDIR(status.st_mode)) throw Error(rules.missing, where, "is a folder; expected a file");
  if (!S_ISREG(status.st_mode)) throw Error(rules.missing, where, "is not a regular file");
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, void* dst, std::size_t bytes) const {
  auto* to = static_cast<char*>(dst);
  while (bytes > 0) {
    const ssize_t got = retry([&] { return ::pread(fd_.get(), to, bytes, static_cast<off_t>(offset)); });
    if (got < 0) fail(rules_.denied, path_, "cannot be read", errno);
    if (got == 0) throw Error(rules_.missing, Location{path_.string()}, "became shorter while it was read");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes, const InputRules& rules) {
  const InputFile file(path, rules);
  if (file.size() > max_bytes)
    throw Error(
        rules.missing, Location{path.string()},
        "is " + std::to_string(file.size()) + " bytes long; at most " + std::to_string(max_bytes) + " are expected");
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, bytes.data(), bytes.size());
  return bytes;
}

TemporaryFile::TemporaryFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> counter{0};
  const std::string stem = "." + target_.filename().string() + "." + std::to_string(::getpid()) + "-";
  for (;;) {
    path_ = folder_of(target_) / (stem + std::to_string(counter++) + std::string(kTemporarySuffix));
    fd_ = FileDescriptor(
        retry([&] { return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode); }));
    if (fd_) return;
    if (errno != EEXIST) fail(ErrorKind::io, target_, "cannot be written", errno);
  }
}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void TemporaryFile::write(std::string_view bytes) {
  if (!write_all(fd_.get(), bytes)) fail(ErrorKind::io, target_, "cannot be written", errno);
}

void TemporaryFile::sync() {
  if (retry([&] { return ::fsync(fd_.get()); }) != 0) fail(ErrorKind::io, target_, "cannot be written", errno);
}

void TemporaryFile::replace_target() {
  rename_over(path_, target_);
  path_.clear();
  sync_folder(folder_of(target_));
}

void write_file_atomically(const fs::path& path, std::span<const std::string_view> chunks) {
  TemporaryFile file(path);
  for (const std::string_view chunk : chunks) file.write(chunk);
  file.sync();
  file.replace_target();
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, std::span<const std::string_view>(&bytes, 1));
}

void rename_over(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(ErrorKind::io, to, "cannot be replaced", errno);
}

void link_over(const fs::path& from, const fs::path& to) {
  // link() does not replace: link under a temporary name, then rename.
  const fs::path temporary = folder_of(to) / ("." + to.filename().string() + ".link" + std::string(kTemporarySuffix));
  ::unlink(temporary.c_str());
  if (::link(from.c_str(), temporary.c_str()) != 0) {
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK) fail(ErrorKind::io, to, "cannot be linked", errno);
    write_file_atomically(to, read_file(from, UINT64_MAX));  // a file system without hard links
    return;
  }
  const int result = ::rename(temporary.c_str(), to.c_str());
  const int error = errno;
  ::unlink(temporary.c_str());  // rename() does nothing where both already are the same file
  if (result != 0) fail(ErrorKind::io, to, "cannot be replaced", error);
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor fd(retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) fail(ErrorKind::io, folder, "cannot be opened", errno);
  // Some file systems cannot sync a folder and say EINVAL.
  if (retry([&] { return ::fsync(fd.get()); }) != 0 && errno != EINVAL && errno != ENOTSUP)
    fail(ErrorKind::io, folder, "cannot be written", errno);
}

std::vector<std::string> list_folder(const fs::path& folder, std::error_code& error) {
  std::vector<std::string> names;
  fs::directory_iterator entry;
  do {
    entry = fs::directory_iterator(folder, error);
  } while (error == std::errc::interrupted);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    names.push_back(entry->path().filename().string());
  return names;
}

void create_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) fail(ErrorKind::io, folder, "cannot be created", error.value());
}

void sweep_temporaries(const fs::path& folder) {
  std::error_code error;
  const std::vector<std::string> names = list_folder(folder, error);
  if (error) fail(ErrorKind::io, folder, "cannot be listed", error.value());
  for (const std::string& name : names) {
    if (!name.starts_with('.') || !name.ends_with(kTemporarySuffix)) continue;
    const fs::path path = folder / name;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(ErrorKind::io, path, "cannot be removed", errno);
  }
}

AppendFile::AppendFile(fs::path path) : path_(std::move(path)) {
  fd_ =
      FileDescriptor(retry([&] { return ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kFileMode); }));
  if (!fd_) fail(ErrorKind::io, path_, "cannot be opened", errno);
  const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
  if (size < 0) fail(ErrorKind::io, path_, "cannot be examined", errno);
  off_t end = size;  // behind the last line end
  char block[4096];
  bool found = false;
  while (end > 0 && !found) {
    const off_t length = std::min<off_t>(end, sizeof block);
    const ssize_t got =
        retry([&] { return ::pread(fd_.get(), block, static_cast<std::size_t>(length), end - length); });
    if (got != length) fail(ErrorKind::io, path_, "cannot be read", got < 0 ? errno : EIO);
    const std::size_t last = std::string_view(block, static_cast<std::size_t>(length)).rfind('\n');
    found = last != std::string_view::npos;
    end -= found ? length - static_cast<off_t>(last) - 1 : length;
  }
  if (end != size && ::ftruncate(fd_.get(), end) != 0) fail(ErrorKind::io, path_, "cannot be cut", errno);
}

void AppendFile::append_line(std::string_view line) {
  std::string bytes(line);
  std::replace(bytes.begin(), bytes.end(), '\n', ' ');
  bytes += '\n';
  const off_t before = ::lseek(fd_.get(), 0, SEEK_END);
  if (before >= 0 && write_all(fd_.get(), bytes)) return;
  const int error = errno;
  if (before >= 0 && ::ftruncate(fd_.get(), before) != 0) fail(ErrorKind::io, path_, "cannot be cut", errno);
  fail(ErrorKind::io, path_, "cannot be written", error);
}

void AppendFile::touch() const noexcept { ::futimens(fd_.get(), nullptr); }

std::optional<FileLock> FileLock::try_lock(const fs::path& path) {
  FileDescriptor fd(retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode); }));
  if (!fd) fail(ErrorKind::io, path, "cannot be opened", errno);
  if (retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) == 0) return FileLock(std::move(fd));
  if (errno == EWOULDBLOCK) return std::nullopt;
  fail(ErrorKind::io, path, "cannot be locked", errno);
}

}  // namespace hone
