#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {

extern const LayerType kBatchNorm{{"batch_norm", "batch normalisation over the images and positions of a channel", {}}};

}  // namespace hone
