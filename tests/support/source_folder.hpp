// Where the source tree is, for tests that read files of it.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace hone::test {

// `inside`, a path within the source tree; searched from the test program upwards, since builds are below the tree.
inline std::filesystem::path source_path(const std::string& inside) {
  for (auto folder = std::filesystem::read_symlink("/proc/self/exe"); folder != folder.root_path();
       folder = folder.parent_path())
    if (std::filesystem::exists(folder.parent_path() / inside)) return folder.parent_path() / inside;
  throw std::runtime_error("no " + inside + " above the test program");
}

}  // namespace hone::test
