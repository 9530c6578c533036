#include "engine/optim/registry.hpp"

#include "engine/graph/optimizer_type.hpp"

namespace hone {

extern const OptimizerType kSgd, kAdam, kAdamW;

namespace {

// A new optimizer: one line here.
constexpr const OptimizerType* kOptimizers[] = {&kSgd, &kAdam, &kAdamW};
constexpr const ComponentType* kOptimizerTypes[] = {&kSgd, &kAdam, &kAdamW};

}  // namespace

std::span<const ComponentType* const> optimizer_types() { return kOptimizerTypes; }

const OptimizerType* find_optimizer(std::string_view name) {
  for (const OptimizerType* type : kOptimizers)
    if (type->name == name) return type;
  return nullptr;
}

const ComponentType* find_optimizer_type(std::string_view name) { return find_optimizer(name); }

}  // namespace hone
