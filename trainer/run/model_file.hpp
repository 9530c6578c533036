// A trained model from its checkpoint, ready to evaluate.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/checkpoint.hpp"
#include "engine/data/normalize.hpp"
#include "engine/graph/network.hpp"
#include "trainer/config/config.hpp"

namespace hone {

struct ModelFile {
  std::string path;
  Checkpoint checkpoint;
  Config config;  // that it was trained with
  std::vector<std::string> labels;
  Normalization normalization;
};

// By its name: what ends in .safetensors is a checkpoint, anything else a config.
bool is_checkpoint(std::string_view path);

// Verifies the whole file. `sets` change the config that it holds. Throws Error(checkpoint) naming the file where it is
// missing, damaged or not of hone train.
ModelFile read_model(const std::string& path, std::span<const std::string> sets = {});

// With the weights of the file; it can only evaluate, on teams of at most `threads`.
Network<float> make_network(const ModelFile& model, int threads);

}  // namespace hone
