// The program under test, and small data for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/rng.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone::testing {

// bin/hone beside the test. Looked up at the start: a test may move itself to where its own path has no meaning.
inline const std::string kHoneProgram = (std::filesystem::canonical("/proc/self/exe").parent_path() / "hone").string();
inline std::string hone_program() { return kHoneProgram; }

inline ProcessResult run_hone(std::vector<std::string> arguments, const Process::Environment& environment = {}) {
  arguments.insert(arguments.begin(), hone_program());
  return run(arguments, environment);
}

// An IDX file: sizes, then bytes.
inline std::string idx_bytes(const std::vector<std::uint32_t>& sizes, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes + values;
}

// Pictures of 8 x 8: of class k a bright row k and noise, so that a small net tells most of them apart.
inline void write_split(const TemporaryFolder& folder, const std::string& prefix, std::uint32_t count,
                        std::uint32_t classes, std::uint64_t seed) {
  Random random(seed, 0);
  std::string pixels, labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t label = i % classes;
    labels += static_cast<char>(label);
    for (std::uint32_t at = 0; at < 64; ++at)
      pixels += static_cast<char>(random.below(120) + (at / 8 == label ? 90 : 0));
  }
  folder.write(prefix + "-images-idx3-ubyte", idx_bytes({count, 8, 8}, pixels));
  folder.write(prefix + "-labels-idx1-ubyte", idx_bytes({count}, labels));
}

// A data set in <folder>/data and a config <folder>/model.yaml for it.
struct SmallRun {
  TemporaryFolder folder;

  // `train`: the lines of the config's train section.
  explicit SmallRun(const std::string& train = "  epochs: 3\n", const std::string& layers = "", int images = 300) {
    write_split(folder, "data/train", static_cast<std::uint32_t>(images), 4, 1);
    write_split(folder, "data/t10k", 100, 4, 2);
    folder.write("model.yaml", config(train, layers));
  }

  static std::string config(const std::string& train, const std::string& layers = "") {
    return "name: small\n"
           "data: {format: idx, path: data, validation: 0.2, normalize: unit, augment: [{flip: horizontal}]}\n"
           "model:\n"
           "  layers:\n" +
           (layers.empty() ? "    - conv: {filters: 3, kernel: 3, batch_norm: true, activation: relu}\n"
                             "    - max_pool: 2\n"
                             "    - dropout: 0.1\n"
                             "    - dense: 4\n"
                           : layers) +
           "train:\n" + train + "target: {at_least: 0.7}\n";
  }

  std::string model() const { return (folder / "model.yaml").string(); }
  std::string out(const std::string& name) const { return (folder / name).string(); }

  std::vector<std::string> train(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"train", model(), "--out", out(name), "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

// history.csv without its two time columns.
inline std::string history_without_times(const std::filesystem::path& folder) {
  std::string all;
  const std::string csv = slurp(folder / "history.csv");
  for (std::size_t at = 0; at < csv.size();) {
    const std::size_t end = csv.find('\n', at);
    const std::string line = csv.substr(at, end - at);
    all += line.substr(0, line.rfind(',', line.rfind(',') - 1)) + "\n";
    at = end + 1;
  }
  return all;
}

}  // namespace hone::testing
