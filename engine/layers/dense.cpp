#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"units", OptionKind::integer, "", "outputs", 1, kMaxChannels, {}, true},
    {"bias", OptionKind::boolean, "", "a bias a unit; default true unless batch_norm", 0, 0, {}, false, true},
    {"batch_norm", OptionKind::boolean, "false", "batch normalisation before the activation"},
    kActivationOption,
};

}  // namespace

extern const LayerType kDense{{"dense", "fully connected layer over the flattened (C, H, W) input", kOptions}};

}  // namespace hone
