#include "engine/graph/layer_type.hpp"
#include "engine/layers/options.hpp"

namespace hone {

extern const LayerType kRelu{{"relu", "max(x, 0)", {}}};
extern const LayerType kLeakyRelu{{"leaky_relu", "x where x > 0, else 0.01 x", {}}};
extern const LayerType kRelu6{{"relu6", "min(max(x, 0), 6)", {}}};
extern const LayerType kElu{{"elu", "x where x > 0, else exp(x) - 1", {}}};
extern const LayerType kGelu{{"gelu", "Gaussian error linear unit, by its tanh formula", {}}};
extern const LayerType kSilu{{"silu", "x * sigmoid(x)", {}}};
extern const LayerType kSigmoid{{"sigmoid", "1 / (1 + exp(-x))", {}}};
extern const LayerType kTanh{{"tanh", "hyperbolic tangent", {}}};
extern const LayerType kSoftplus{{"softplus", "log(1 + exp(x))", {}}};

}  // namespace hone
