// A small checkpoint with everything that a real one has.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/checkpoint/checkpoint.hpp"

namespace hone::testing {

inline Checkpoint sample_checkpoint(std::int64_t step = 7) {
  Checkpoint checkpoint;
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) size *= extent;
    CheckpointTensor tensor{name, std::move(shape), {}};
    for (std::int64_t i = 0; i < size; ++i)
      tensor.data.push_back(
          std::sin(static_cast<float>(i + 100 * step) + static_cast<float>(checkpoint.tensors.size())));
    checkpoint.tensors.push_back(std::move(tensor));
  };
  add("layers.2.weight", {4, 1, 3, 3});  // deliberately not in the order of the names
  add("layers.2.bias", {4});
  add("layers.0.weight", {10, 6});
  add("empty", {0, 3});
  add("scalar", {});
  checkpoint.tensors.back().data[0] = -0.0f;
  add("optimizer.momentum.layers.2.weight", {4, 1, 3, 3});
  checkpoint.metadata = {{"hone.step", std::to_string(step)},
                         {"hone.config", "name: \"caf\xc3\xa9\"\n# \"hone.xxh3.header\":\"0123456789abcdef\"\n"},
                         {"hone.labels", "[\"cat\",\"dog\"]"},
                         {"hone.version", "0.1.0"}};
  return checkpoint;
}

}  // namespace hone::testing
