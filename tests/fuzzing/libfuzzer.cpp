// One target under libFuzzer: HONE_FUZZ_TARGET names it.
#include <cstddef>
#include <cstdio>

#include "tests/fuzzing/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const hone::fuzzing::Target* const target = [] {
    const char* name = std::getenv("HONE_FUZZ_TARGET");
    const hone::fuzzing::Target* found = hone::fuzzing::find_target(name != nullptr ? name : "");
    if (found == nullptr) {
      std::fprintf(stderr, "HONE_FUZZ_TARGET names no target\n");
      std::exit(2);
    }
    return found;
  }();
  target->run({data, size});
  return 0;
}
