#include "engine/data/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"

namespace hone {
namespace fs = std::filesystem;

void data_error(const std::string& file, const std::string& message) {
  throw Error(ErrorKind::data, Location{file}, message);
}

File::File(const fs::path& path, std::string name, bool follow) : name_(std::move(name)) {
  // O_NONBLOCK: opening a pipe must not wait for somebody to write to it.
  do {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0)
    data_error(name_, fmt::format("can't be opened: {}; expected a readable file", std::strerror(errno)));
  struct stat status {};
  const int error = ::fstat(descriptor_, &status) == 0 ? 0 : errno;
  if (error != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    data_error(name_, error != 0 ? fmt::format("can't be examined: {}; expected a readable file", std::strerror(error))
                                 : "is not a regular file; expected one");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

File File::open(const fs::path& path) { return File(path, path.string(), true); }

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      offset_(other.offset_),
      name_(std::move(other.name_)) {}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t File::read_some(void* dst, std::size_t bytes) {
  auto* out = static_cast<std::uint8_t*>(dst);
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::read(descriptor_, out + done, std::min<std::size_t>(bytes - done, 1u << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) data_error(name_, fmt::format("can't be read at byte {}: {}", offset_ + done, std::strerror(errno)));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  offset_ += done;
  return done;
}

void File::read(void* dst, std::size_t bytes) {
  const std::uint64_t start = offset_;
  const std::size_t got = read_some(dst, bytes);
  if (got != bytes)
    data_error(name_, fmt::format("ends at byte {}; expected at least {} bytes", start + got, start + bytes));
}

std::vector<std::uint8_t> File::read_all(std::uint64_t limit, const std::function<void()>& progress) {
  if (size_ > limit) data_error(name_, fmt::format("has {} bytes; expected at most {}", size_, limit));
  constexpr std::size_t kPiece = std::size_t{16} << 20;
  std::vector<std::uint8_t> bytes(size_);
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    read(bytes.data() + at, std::min(kPiece, bytes.size() - at));
    if (progress) progress();
  }
  return bytes;
}

Folder::Folder(const fs::path& path) : given_(path) {
  std::error_code error;
  root_ = fs::canonical(path, error);
  if (error)
    data_error(path.string(), fmt::format("can't be found: {}; expected the folder of a data set", error.message()));
  if (!fs::is_directory(root_, error)) data_error(path.string(), "is not a folder; expected the folder of a data set");
}

std::string Folder::name(const std::string& relative) const {
  return relative.empty() ? given_.string() : (given_ / relative).string();
}

fs::path Folder::resolve(const std::string& relative) const {
  std::error_code error;
  const fs::path found = fs::canonical(root_ / relative, error);
  if (error) data_error(name(relative), fmt::format("can't be found: {}", error.message()));
  const auto [end, unused] = std::mismatch(root_.begin(), root_.end(), found.begin(), found.end());
  if (end != root_.end())
    data_error(name(relative), "is a link that leads out of the data set's folder; expected a file inside of it");
  return found;
}

bool Folder::has(const std::string& relative) const {
  std::error_code error;
  // A dangling link is there as well: opening it gives the error that says so.
  const fs::file_status status = fs::symlink_status(root_ / relative, error);
  if (!fs::status_known(status)) data_error(name(relative), fmt::format("can't be examined: {}", error.message()));
  return fs::exists(status);
}

bool Folder::has_folder(const std::string& relative) const {
  std::error_code error;
  return fs::is_directory(root_ / relative, error);
}

File Folder::open(const std::string& relative) const { return File(resolve(relative), name(relative), false); }

std::vector<std::string> Folder::list(const std::string& relative) const {
  std::error_code error;
  std::vector<std::string> names = list_folder(relative.empty() ? root_ : resolve(relative), error);
  std::erase_if(names, [](const std::string& found) { return found[0] == '.'; });
  if (error)
    data_error(name(relative), fmt::format("can't be listed: {}; expected a readable folder", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace hone
