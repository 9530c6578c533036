// usage: write_sample FILE. Writes the sample checkpoint, for tests in other languages.
#include <cstdio>
#include <exception>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/engine/checkpoint/sample.hpp"

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  hone::write_checkpoint(argv[1], hone::testing::sample_checkpoint());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
