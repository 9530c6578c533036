#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"times", OptionKind::integer, "", "copies, each with weights of its own", 1, 256},
};

}  // namespace

extern const LayerType kRepeat{{"repeat", "layers one after another, several times", kOptions, true}};

}  // namespace hone
