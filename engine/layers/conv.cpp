#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"filters", OptionKind::integer, "", "output channels", 1, kMaxChannels, {}, true},
    {"kernel", OptionKind::pair, "", "height and width of the window", 1, kMaxSize},
    {"stride", OptionKind::pair, "1", "step of the window", 1, kMaxSize},
    {"padding", OptionKind::pair_or_choice, "valid", "zeros around the input; same: output is ceil(n / stride)", 0,
     kMaxSize, kPaddingNames},
    {"dilation", OptionKind::pair, "1", "distance of the window's taps", 1, kMaxSize},
    {"groups", OptionKind::integer, "1", "input and output channels are split into so many groups", 1, kMaxChannels},
    {"bias", OptionKind::boolean, "", "a bias a filter; default true unless batch_norm", 0, 0, {}, false, true},
    {"batch_norm", OptionKind::boolean, "false", "batch normalisation before the activation"},
    kActivationOption,
};

}  // namespace

extern const LayerType kConv{{"conv", "2-d convolution, batch norm, activation", kOptions}};

}  // namespace hone
