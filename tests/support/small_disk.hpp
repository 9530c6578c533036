// A disk of a few KiB: a tmpfs in a mount namespace of the test's own, gone with the process whatever happens.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace hone::testing {

class SmallDisk {
 public:
  // size: as mount takes it, "1m". Call it while the process has one thread.
  explicit SmallDisk(const std::string& size) {
    if (!enter_namespace()) {
      problem_ = std::string("no mount namespace: ") + std::strerror(errno);
    } else if (::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      problem_ = std::string("no tmpfs: ") + std::strerror(errno);
    } else {
      mounted_ = true;
    }
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Empty where there is such a disk.
  const std::string& problem() const { return problem_; }
  const std::filesystem::path& path() const { return folder_.path(); }

  void set_read_only(bool read_only) const {
    if (::mount(nullptr, folder_.path().c_str(), nullptr, MS_REMOUNT | (read_only ? MS_RDONLY : 0), nullptr) != 0)
      throw std::runtime_error(std::string("cannot mount again: ") + std::strerror(errno));
  }

 private:
  static bool enter_namespace() {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWNS) != 0) {
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
      std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }

  TemporaryFolder folder_;
  std::string problem_;
  bool mounted_ = false;
};

}  // namespace hone::testing
