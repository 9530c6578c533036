#include <array>

#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr std::array<std::string_view, 3> kShortcuts = {"auto", "identity", "projection"};
constexpr OptionSpec kOptions[] = {
    {"shortcut", OptionKind::choice, "auto",
     "what is added to the layers' output; auto: identity where shapes agree, else projection", 0, 0, kShortcuts},
};

}  // namespace

extern const LayerType kResidual{{"residual", "layers with a shortcut around them; the sum", kOptions, true}};

}  // namespace hone
