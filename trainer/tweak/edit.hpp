// Changes to a model that keep it a model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "trainer/config/config.hpp"

namespace hone {

// Layers of a type, those inside of residual and repeat too, in the order of the model; without the one that gives the
// logits.
std::vector<Component*> hidden_layers(ModelSpec& model, std::string_view type);

// Place among model.layers of the first dense layer, or of the layer that gives the logits.
std::size_t head_of(const ModelSpec& model);

// A layer like `like` as it would stand behind it: a convolution is 3x3 and keeps the size; what has no activation gets
// relu.
Component another(const Component& like);

struct Cost {
  std::int64_t parameters = 0;  // trainable
  std::int64_t macs = 0;        // an image, forward
};

// Throws Error(config) where a shape is impossible.
Cost cost_of(const ModelSpec& model);

}  // namespace hone
