#include "trainer/run/model_file.hpp"

#include "engine/base/error.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/evaluate.hpp"
#include "trainer/run/stop_signal.hpp"
#include "trainer/run/tensors.hpp"
#include "trainer/run/train_state.hpp"

namespace hone {
namespace {

// A config that hone wrote and can't read is damage, unless a --set brought the mistake in.
Config parse_stored(const std::string& text, const std::string& path, std::span<const std::string> sets) {
  try {
    return parse_config(text, path, sets);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::config || std::string_view(error.what()).starts_with("--set")) throw;
    throw Error(ErrorKind::checkpoint, Location{path}, std::string("hone.config can't be used: ") + error.what());
  }
}

}  // namespace

bool is_checkpoint(std::string_view path) { return path.ends_with(".safetensors"); }

ModelFile read_model(const std::string& path, std::span<const std::string> sets) {
  ModelFile model;
  model.path = path;
  model.checkpoint = read_checkpoint(path, throw_if_stopped);
  const auto& metadata = model.checkpoint.metadata;
  model.config = parse_stored(metadata_text(metadata, "hone.config", path), path, sets);
  model.labels = parse_labels(metadata_text(metadata, "hone.labels", path), path);
  model.normalization = parse_normalization(metadata_text(metadata, "hone.normalize", path), path);
  const auto channels = static_cast<std::size_t>(model.config.model.input.c);
  if (!model.config.has_input() || model.normalization.mean.size() != channels ||
      model.normalization.scale.size() != channels)
    throw Error(ErrorKind::checkpoint, Location{path}, "hone.config and hone.normalize do not agree on the channels");
  return model;
}

Network<float> make_network(const ModelFile& model, int threads) {
  NetworkOptions options;
  options.classes = static_cast<std::int64_t>(model.labels.size());
  options.training = false;
  options.evaluation_batch_size = kEvaluationBatch;
  options.threads = threads;
  options.mean = model.normalization.mean;
  options.scale = model.normalization.scale;
  options.stop = &stop_request();
  Network<float> network(model.config.model, options);
  restore_weights(model.checkpoint, model.path, network);
  return network;
}

}  // namespace hone
