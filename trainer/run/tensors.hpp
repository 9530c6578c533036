// A network's tensors into a checkpoint and back.
#pragma once

#include <string>

#include "engine/checkpoint/checkpoint.hpp"
#include "engine/graph/network.hpp"

namespace hone {

inline constexpr char kOptimizerPrefix[] = "optimizer.";

// Weights and running statistics, in the order of the layers. These two throw Stopped where a stop is out of time.
void append_weights(const Network<float>& network, Checkpoint& checkpoint);
// Named optimizer.<slot>.<tensor>.
void append_optimizer(const Network<float>& network, Checkpoint& checkpoint);

// Names and shapes must agree; what does not is listed in Error(checkpoint), naming `file`. Optimizer state in the
// checkpoint is passed over.
void restore_weights(const Checkpoint& checkpoint, const std::string& file, Network<float>& network);
void restore_optimizer(const Checkpoint& checkpoint, const std::string& file, Network<float>& network);

}  // namespace hone
