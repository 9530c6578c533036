// What is fed with hostile bytes. A target returns where it took them or refused them as it may; anything else, a crash
// or std::abort(), is a finding.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone::fuzzing {

using Bytes = std::span<const std::uint8_t>;

struct Target {
  std::string_view name;  // also of its folder in corpus/
  void (*run)(Bytes input);
};

// To add one: a file in targets/, and its line in targets.cpp.
std::span<const Target> targets();
const Target* find_target(std::string_view name);

inline std::string_view as_text(Bytes input) { return {reinterpret_cast<const char*>(input.data()), input.size()}; }

// A new file: file systems sync one that is truncated and written anew, which takes long.
inline void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::remove(path);
  testing::spill(path, bytes);
}

// Runs `call`; an Error of one of these kinds, in one line, is how it may refuse its input.
template <class Call>
void expect_taken_or_refused(std::initializer_list<ErrorKind> kinds, Call call) {
  try {
    call();
  } catch (const Error& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
    for (const ErrorKind kind : kinds)
      if (error.kind() == kind) return;
    std::abort();
  }
}

}  // namespace hone::fuzzing
