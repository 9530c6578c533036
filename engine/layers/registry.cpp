#include "engine/layers/registry.hpp"

#include <algorithm>

#include "engine/graph/layer_type.hpp"

namespace hone {

extern const LayerType kConv, kMaxPool, kAvgPool, kGlobalAvgPool, kBatchNorm, kDropout, kDense, kResidual, kRepeat;
extern const LayerType kRelu, kLeakyRelu, kRelu6, kElu, kGelu, kSilu, kSigmoid, kTanh, kSoftplus;

namespace {

// A new layer: one line here.
constexpr const LayerType* kLayerTypes[] = {
    &kConv, &kMaxPool,   &kAvgPool, &kGlobalAvgPool, &kDense, &kDropout, &kBatchNorm, &kResidual, &kRepeat,
    &kRelu, &kLeakyRelu, &kRelu6,   &kElu,           &kGelu,  &kSilu,    &kSigmoid,   &kTanh,     &kSoftplus,
};

}  // namespace

std::span<const LayerType* const> layer_types() { return kLayerTypes; }

const LayerType* find_layer_type(std::string_view name) {
  const auto found = std::find_if(std::begin(kLayerTypes), std::end(kLayerTypes),
                                  [&](const LayerType* type) { return type->name == name; });
  return found == std::end(kLayerTypes) ? nullptr : *found;
}

}  // namespace hone
