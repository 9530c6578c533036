#include "engine/graph/infer.hpp"

#include <utility>

#include "engine/graph/layer_type.hpp"

namespace hone {
namespace {

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"none", Activation::none},         {"relu", Activation::relu},       {"leaky_relu", Activation::leaky_relu},
    {"relu6", Activation::relu6},       {"elu", Activation::elu},         {"gelu", Activation::gelu},
    {"silu", Activation::silu},         {"sigmoid", Activation::sigmoid}, {"tanh", Activation::tanh},
    {"softplus", Activation::softplus},
};

// Layers that an activation passes through unchanged in kind: conv, batch_norm, max_pool, relu ends in relu.
bool is_transparent(std::string_view type) { return type == "batch_norm" || type == "max_pool" || type == "dropout"; }

bool relu_behind(const std::vector<Component>& layers, std::size_t i) {
  for (++i; i < layers.size() && is_transparent(layers[i].type);) ++i;
  return i < layers.size() && is_relu_like(activation_named(layers[i].type));
}

}  // namespace

Activation activation_named(std::string_view name) {
  for (const auto& [key, activation] : kActivations)
    if (key == name) return activation;
  return Activation::none;
}

bool is_relu_like(Activation activation) {
  switch (activation) {
    case Activation::relu:
    case Activation::leaky_relu:
    case Activation::relu6:
    case Activation::elu:
    case Activation::gelu:
    case Activation::silu:
    case Activation::softplus:
      return true;
    default:
      return false;
  }
}

Shape InferContext::infer(const std::vector<Component>& layers, Shape in, const std::string& prefix) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerType* type = find_layer_type(layers[i].type);
    if (type == nullptr)
      throw Error(ErrorKind::config, layers[i].where,
                  "unknown layer '" + layers[i].type + "'; expected a layer's name");
    if (++layers_seen_ > kMostLayers)
      throw Error(
          ErrorKind::config, layers[i].where,
          "the model has more than " + std::to_string(kMostLayers) + " layers, repeated ones counted each time");
    relu_follows_ = relu_behind(layers, i);
    where_ = layers[i].where;
    in = type->infer(*this, layers[i], in, prefix + "layers." + std::to_string(i));
    where_ = layers[i].where;
    product({in.c, in.h, in.w});
  }
  return in;
}

std::int64_t InferContext::product(std::initializer_list<std::int64_t> counts, std::int64_t most) const {
  std::int64_t result = 1;
  for (const std::int64_t count : counts)
    if (__builtin_mul_overflow(result, count, &result) || result > most)
      throw Error(ErrorKind::config, where_,
                  "the layer is too large for any machine; expected at most " + std::to_string(kMostValues) +
                      " values and " + std::to_string(kMostMacs) + " multiplications");
  return result;
}

bool InferContext::ends_in_relu(Activation own) const {
  return own == Activation::none ? relu_follows_ : is_relu_like(own);
}

void InferContext::weight(const std::string& name, std::vector<std::int64_t> shape, std::int64_t fan_in,
                          std::int64_t fan_out, bool ends_in_relu) {
  ParameterSpec spec;
  spec.info.name = name;
  spec.info.size = 1;
  for (const std::int64_t n : shape) spec.info.size = product({spec.info.size, n});
  spec.info.shape = std::move(shape);
  spec.info.decay = true;
  spec.initialization = ends_in_relu ? Initialization::he_normal : Initialization::xavier_uniform;
  spec.fan_in = fan_in;
  spec.fan_out = fan_out;
  spec.whole = spec.info.size > kWholeBatchWeights;
  parameters_.push_back(std::move(spec));
}

ParameterSpec& InferContext::vector(const std::string& name, std::int64_t count) {
  ParameterSpec spec;
  spec.info.name = name;
  spec.info.shape = {count};
  spec.info.size = count;
  parameters_.push_back(std::move(spec));
  return parameters_.back();
}

void InferContext::bias(const std::string& name, std::int64_t count) {
  const bool whole = parameters_.back().whole;
  vector(name, count).whole = whole;
}

void InferContext::batch_norm(const std::string& prefix, std::int64_t channels) {
  const auto add = [&](const char* name, Initialization initialization, bool trainable) {
    ParameterSpec& spec = vector(prefix + name, channels);
    spec.initialization = initialization;
    spec.info.trainable = trainable;
    spec.whole = true;
  };
  add(".weight", Initialization::ones, true);
  add(".bias", Initialization::zeros, true);
  add(".running_mean", Initialization::zeros, false);
  add(".running_var", Initialization::ones, false);
}

void InferContext::layer(const std::string& path, const std::string& type, Shape output, std::int64_t parameters,
                         std::int64_t macs) {
  LayerInfo info;
  info.path = path;
  info.type = type;
  info.output = output;
  info.parameters = parameters;
  info.macs = macs;
  info.activation_bytes = output.size() * static_cast<std::int64_t>(sizeof(float));
  layers_.push_back(std::move(info));
}

InferContext infer_model(const ModelSpec& model) {
  InferContext context(model.where);
  context.product({model.input.c, model.input.h, model.input.w});
  context.infer(model.layers, model.input, "");
  return context;
}

}  // namespace hone
