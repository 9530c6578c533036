// The state of a run as a checkpoint, and back.
#pragma once

#include <string>

#include "engine/checkpoint/checkpoint.hpp"
#include "engine/graph/network.hpp"
#include "trainer/run/train_state.hpp"

namespace hone {

// What every checkpoint of a run says about it.
struct RunIdentity {
  std::string config;         // YAML, every default written out
  std::string labels;         // JSON
  std::string normalization;  // JSON
  std::string isa;
  std::string plan;  // hash
};

std::string plan_text(const Network<float>& network);

// Weights alone: what best.safetensors holds.
Checkpoint weights_checkpoint(const Network<float>& network, const TrainState& state, const RunIdentity& run);
// Weights, optimizer state and progress.
Checkpoint resume_checkpoint(const Network<float>& network, const TrainState& state, const RunIdentity& run);

// The inverse of resume_checkpoint. Throws Error(checkpoint) naming `file` where it does not fit.
TrainState restore(const Checkpoint& checkpoint, const std::string& file, Network<float>& network);

}  // namespace hone
