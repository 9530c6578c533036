#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"rate", OptionKind::real, "0.5", "share of the values set to zero in training", 0, 0.99, {}, true},
};

}  // namespace

extern const LayerType kDropout{
    {"dropout", "zeroes a share of the values in training, scales up the others", kOptions}};

}  // namespace hone
