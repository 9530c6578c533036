// Adam (Kingma & Ba 2015, arXiv:1412.6980) and AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
#include "engine/graph/optimizer_type.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"learning_rate", OptionKind::real, "0.001", "step size", 0, 1000},
    {"beta1", OptionKind::real, "0.9", "decay of the gradient's mean", 0, 0.999999},
    {"beta2", OptionKind::real, "0.999", "decay of the squared gradient's mean", 0, 0.99999999},
    {"eps", OptionKind::real, "1e-8", "added to the denominator", 0, 1},
    {"weight_decay", OptionKind::real, "0",
     "adam: times the weight is added to its gradient; adamw: taken off the weight", 0, 1000},
};
enum Setting : std::size_t { kLearningRate, kBeta1, kBeta2, kEps, kWeightDecay };

constexpr std::string_view kState[] = {"first_moment", "second_moment"};

std::span<const std::string_view> state(const OptimizerSettings&) { return kState; }

// By squaring, since std::pow may differ from one CPU to the next.
double power(double base, std::uint64_t exponent) noexcept {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

template <class T, bool decoupled>
void update(const KernelTable<T>& kernels, const OptimizerSettings& settings, double learning_rate, std::uint64_t step,
            const UpdateSlice<T>& slice) noexcept {
  const double decay = slice.decay ? settings[kWeightDecay] : 0;
  AdamArgs<T> args;
  args.learning_rate = static_cast<T>(learning_rate);
  args.beta1 = static_cast<T>(settings[kBeta1]);
  args.beta2 = static_cast<T>(settings[kBeta2]);
  args.eps = static_cast<T>(settings[kEps]);
  args.coupled_decay = static_cast<T>(decoupled ? 0 : decay);
  args.decoupled_decay = static_cast<T>(decoupled ? decay * learning_rate : 0);
  args.correction1 = static_cast<T>(1 / (1 - power(settings[kBeta1], step + 1)));
  args.correction2 = static_cast<T>(1 / (1 - power(settings[kBeta2], step + 1)));
  kernels.adam(args, slice.weights, slice.gradient, slice.gradient_scale, slice.state[0], slice.state[1], slice.count);
}

}  // namespace

extern const OptimizerType kAdam{
    {"adam", "Adam, weight decay coupled", kOptions}, state, update<float, false>, update<double, false>};
extern const OptimizerType kAdamW{
    {"adamw", "Adam, weight decay decoupled", kOptions}, state, update<float, true>, update<double, true>};

}  // namespace hone
