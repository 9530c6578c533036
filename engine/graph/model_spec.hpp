// A model as pure data: what `model:` of a config says, with every default filled in. Nothing here knows about memory,
// kernels or batches.
#pragma once

#include <vector>

#include "engine/base/component.hpp"
#include "engine/base/shape.hpp"

namespace hone {

struct ModelSpec {
  Shape input;  // (C, H, W) of one image
  std::vector<Component> layers;
  Location where;
};

}  // namespace hone
