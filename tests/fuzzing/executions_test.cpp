// Every seed, every input that was a finding once, and a fixed number of changed seeds go through each target. Long
// hunts are tests/fuzz's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "engine/base/rng.hpp"
#include "tests/fuzzing/target.hpp"
#include "tests/support/source_folder.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone::fuzzing {
namespace {

namespace fs = std::filesystem;
using std::operator""sv;

constexpr int kExecutions = 2000;

std::vector<std::string> seeds_of(std::string_view target) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(test::source_path("tests/fuzzing/corpus") / target))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds;
  for (const fs::path& path : paths) seeds.push_back(testing::slurp(path));
  return seeds;
}

std::size_t below(Random& random, std::size_t end) { return static_cast<std::size_t>(random.below(end)); }

// A few small changes: bits, bytes with a meaning, pieces left out, doubled or taken from another seed.
std::string changed(std::string input, const std::string& other, Random& random) {
  constexpr std::string_view special = "\x00\x01\x7f\x80\xff{}[]:,\"'\n -0129e."sv;
  for (std::size_t i = 1 + below(random, 4); i > 0; --i) {
    if (input.empty()) input = other;
    if (input.empty()) break;
    const std::size_t at = below(random, input.size()), length = below(random, std::min<std::size_t>(64, input.size()));
    switch (random.below(6)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
        break;
      case 1:
        input[at] = special[below(random, special.size())];
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, input.substr(below(random, input.size()), length));
        break;
      case 4:
        input.insert(at, 1, special[below(random, special.size())]);
        break;
      default:
        if (!other.empty()) input.replace(at, length, other.substr(below(random, other.size()), length));
    }
  }
  return input;
}

class Executions : public ::testing::TestWithParam<Target> {};

TEST_P(Executions, EndWithoutACrash) {
  const std::vector<std::string> seeds = seeds_of(GetParam().name);
  ASSERT_FALSE(seeds.empty());
  const auto run = [](const std::string& input) {
    GetParam().run({reinterpret_cast<const std::uint8_t*>(input.data()), input.size()});
  };
  for (const std::string& seed : seeds) run(seed);
  const char* seed = std::getenv("HONE_FUZZ_SEED");  // fixed unless asked for: a change is not to blame for luck
  Random random(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1, 0);
  for (int i = 0; i < kExecutions; ++i)
    run(changed(seeds[below(random, seeds.size())], seeds[below(random, seeds.size())], random));
}

INSTANTIATE_TEST_SUITE_P(Each, Executions, ::testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace hone::fuzzing
