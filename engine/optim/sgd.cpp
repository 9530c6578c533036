// Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch defines it.
#include "engine/graph/optimizer_type.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"learning_rate", OptionKind::real, "", "step size", 0, 1000},
    {"momentum", OptionKind::real, "0", "share of the last step that is kept", 0, 1},
    {"nesterov", OptionKind::boolean, "false", "looks ahead by one step of momentum"},
    {"weight_decay", OptionKind::real, "0", "times the weight is added to its gradient", 0, 1000},
};
enum Setting : std::size_t { kLearningRate, kMomentum, kNesterov, kWeightDecay };

constexpr std::string_view kState[] = {"momentum"};

std::span<const std::string_view> state(const OptimizerSettings& settings) {
  return settings[kMomentum] > 0 ? std::span<const std::string_view>(kState) : std::span<const std::string_view>();
}

template <class T>
void update(const KernelTable<T>& kernels, const OptimizerSettings& settings, double learning_rate, std::uint64_t,
            const UpdateSlice<T>& slice) noexcept {
  const SgdArgs<T> args{static_cast<T>(learning_rate), static_cast<T>(settings[kMomentum]),
                        static_cast<T>(slice.decay ? settings[kWeightDecay] : 0), settings[kNesterov] != 0};
  kernels.sgd(args, slice.weights, slice.gradient, slice.gradient_scale, slice.state[0], slice.count);
}

}  // namespace

extern const OptimizerType kSgd{{"sgd", "stochastic gradient descent", kOptions}, state, update<float>, update<double>};

}  // namespace hone
