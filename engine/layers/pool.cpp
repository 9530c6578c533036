#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"size", OptionKind::pair, "", "height and width of the window", 1, kMaxSize, {}, true},
    {"stride", OptionKind::pair, "", "step of the window; default: its size", 1, kMaxSize, {}, false, true},
    {"padding", OptionKind::pair, "0", "around the input; never wins a maximum, counts as zeros in a mean", 0,
     kMaxSize},
};

}  // namespace

extern const LayerType kMaxPool{{"max_pool", "the largest value of each window", kOptions}};
extern const LayerType kAvgPool{{"avg_pool", "the mean of each window", kOptions}};
extern const LayerType kGlobalAvgPool{{"global_avg_pool", "each channel's mean", {}}};

}  // namespace hone
