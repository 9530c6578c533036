// Short ways to write models in tests.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/component.hpp"
#include "engine/base/rng.hpp"
#include "engine/graph/model_spec.hpp"
#include "engine/graph/network.hpp"

namespace hone::test {

using Options = std::map<std::string, OptionValue, std::less<>>;

inline Component layer(std::string type, Options options = {}, std::vector<Component> layers = {}) {
  Component component;
  component.type = std::move(type);
  component.options = std::move(options);
  component.layers = std::move(layers);
  component.where = {"model.yaml", 1, 1};
  return component;
}

// A convolution with every default filled in; `more` overrides.
inline Component conv(std::int64_t filters, std::int64_t kernel, Options more = {}) {
  Options options{{"filters", filters},     {"kernel", Pair{kernel, kernel}},
                  {"stride", Pair{1, 1}},   {"padding", std::string("valid")},
                  {"dilation", Pair{1, 1}}, {"groups", std::int64_t{1}},
                  {"batch_norm", false},    {"activation", std::string("none")}};
  for (auto& [key, value] : more) options[key] = value;
  return layer("conv", std::move(options));
}

inline Component dense(std::int64_t units, const std::string& activation = "none", Options more = {}) {
  Options options{{"units", units}, {"batch_norm", false}, {"activation", activation}};
  for (auto& [key, value] : more) options[key] = value;
  return layer("dense", std::move(options));
}

inline Component pool(std::string type, std::int64_t size, Options more = {}) {
  Options options{{"size", Pair{size, size}}, {"padding", Pair{0, 0}}};
  for (auto& [key, value] : more) options[key] = value;
  return layer(std::move(type), std::move(options));
}

inline Component sgd(double momentum = 0, bool nesterov = false, double weight_decay = 0) {
  return layer(
      "sgd", {{"learning_rate", 0.1}, {"momentum", momentum}, {"nesterov", nesterov}, {"weight_decay", weight_decay}});
}

inline Component adam(const std::string& type = "adam", double weight_decay = 0) {
  return layer(
      type,
      {{"learning_rate", 0.001}, {"beta1", 0.9}, {"beta2", 0.999}, {"eps", 1e-8}, {"weight_decay", weight_decay}});
}

// Random images with labels, and a Batch that points at them.
struct Images {
  Images(std::int64_t count, Shape shape, std::int64_t classes, std::uint64_t seed) {
    Random random(derive_key(seed, "test images"), 0);
    pixels.resize(static_cast<std::size_t>(count * shape.size()));
    for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(256));
    for (std::int64_t i = 0; i < count; ++i) {
      labels.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(classes))));
      ids.push_back(static_cast<std::uint32_t>(i));
    }
  }

  Batch batch() const {
    Batch batch;
    batch.size = static_cast<std::int64_t>(labels.size());
    batch.pixels = pixels.data();
    batch.labels = labels.data();
    batch.ids = ids.data();
    return batch;
  }

  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  std::vector<std::uint32_t> ids;
};

// Options for small nets: inputs are (byte - 128) / 64 in each channel.
inline NetworkOptions small_options(Shape input, std::int64_t batch_size, Component optimizer = sgd()) {
  NetworkOptions options;
  options.batch_size = batch_size;
  options.evaluation_batch_size = batch_size;
  options.optimizer = std::move(optimizer);
  options.mean.assign(static_cast<std::size_t>(input.c), 128.0f);
  options.scale.assign(static_cast<std::size_t>(input.c), 1.0f / 64);
  return options;
}

}  // namespace hone::test
