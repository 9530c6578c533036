#include "trainer/run/snapshot.hpp"

#include <fmt/format.h>

#include "trainer/run/tensors.hpp"
#include "trainer/run/version.hpp"

namespace hone {

std::string plan_text(const Network<float>& network) { return fmt::format("{:016x}", network.plan_hash()); }

Checkpoint weights_checkpoint(const Network<float>& network, const TrainState& state, const RunIdentity& run) {
  Checkpoint checkpoint;
  append_weights(network, checkpoint);
  write_state(state, checkpoint.metadata);
  checkpoint.metadata["hone.version"] = kVersion;
  checkpoint.metadata["hone.config"] = run.config;
  checkpoint.metadata["hone.labels"] = run.labels;
  checkpoint.metadata["hone.normalize"] = run.normalization;
  checkpoint.metadata["hone.isa"] = run.isa;
  checkpoint.metadata["hone.plan"] = run.plan;
  return checkpoint;
}

Checkpoint resume_checkpoint(const Network<float>& network, const TrainState& state, const RunIdentity& run) {
  Checkpoint checkpoint = weights_checkpoint(network, state, run);
  append_optimizer(network, checkpoint);
  return checkpoint;
}

TrainState restore(const Checkpoint& checkpoint, const std::string& file, Network<float>& network) {
  TrainState state = read_state(checkpoint.metadata, file);
  restore_weights(checkpoint, file, network);
  restore_optimizer(checkpoint, file, network);
  return state;
}

}  // namespace hone
