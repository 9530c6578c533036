// Shape inference: walks the layers, checks that shapes fit, and books every parameter.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/model_spec.hpp"
#include "engine/graph/network.hpp"
#include "engine/kernels/shapes.hpp"

namespace hone {

enum class Initialization { zeros, ones, he_normal, xavier_uniform };

struct ParameterSpec {
  TensorInfo info;
  Initialization initialization = Initialization::zeros;
  std::int64_t fan_in = 1, fan_out = 1;
  bool whole = false;  // its gradient is computed over the whole batch at once, see Parameter
};

// Weights beyond this number are worked on with the whole batch: a gradient for each chunk would cost more than it
// saves.
inline constexpr std::int64_t kWholeBatchWeights = 65536;

// What no machine has or finishes: numbers beyond are refused before they can overflow.
inline constexpr std::int64_t kMostValues = std::int64_t{1} << 36;  // of a weight, of an image's activation
inline constexpr std::int64_t kMostMacs = std::int64_t{1} << 56;    // of a layer, an image
inline constexpr int kMostLayers = 4096;

class InferContext {
 public:
  InferContext() = default;
  explicit InferContext(const Location& model) : where_(model) {}

  // Output shape of the layers, from `in`. prefix: "" or "layers.3." of the layer that holds them.
  Shape infer(const std::vector<Component>& layers, Shape in, const std::string& prefix);

  void weight(const std::string& name, std::vector<std::int64_t> shape, std::int64_t fan_in, std::int64_t fan_out,
              bool ends_in_relu);
  // Of the weight booked just before.
  void bias(const std::string& name, std::int64_t count);
  // weight, bias, running_mean, running_var below prefix.
  void batch_norm(const std::string& prefix, std::int64_t channels);
  void layer(const std::string& path, const std::string& type, Shape output, std::int64_t parameters,
             std::int64_t macs);

  // counts multiplied with each other. Throws Error(config) at the present layer's place where they are beyond `most`.
  std::int64_t product(std::initializer_list<std::int64_t> counts, std::int64_t most = kMostValues) const;

  // Whether what the present layer computes ends in relu or a relative of it: its own activation, or a layer behind it.
  bool ends_in_relu(Activation own) const;

  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  const std::vector<LayerInfo>& layers() const { return layers_; }
  bool convolutional() const { return convolutional_; }
  void found_convolution() { convolutional_ = true; }

 private:
  ParameterSpec& vector(const std::string& name, std::int64_t count);

  std::vector<ParameterSpec> parameters_;
  std::vector<LayerInfo> layers_;
  Location where_;  // of the present layer
  int layers_seen_ = 0;
  bool relu_follows_ = false;
  bool convolutional_ = false;
};

// Activation of that name; the config has checked it.
Activation activation_named(std::string_view name);
bool is_relu_like(Activation activation);

// Shape inference alone: the layers, parameters and MACs of a model, without planning memory.
InferContext infer_model(const ModelSpec& model);

}  // namespace hone
