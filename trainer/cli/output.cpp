#include "trainer/cli/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "engine/base/error.hpp"

namespace hone {
namespace {

[[noreturn]] void fail() {
  throw Error(ErrorKind::io, std::string("standard output can't be written: ") + std::strerror(errno));
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail();
}

void flush_output() {
  if (std::fflush(stdout) != 0) fail();
}

}  // namespace hone
