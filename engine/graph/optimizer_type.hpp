// What an optimizer is to the planner. One object of this type an optimizer, in engine/optim/<name>.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/component.hpp"
#include "engine/kernels/table.hpp"

namespace hone {

// Options in the order of the optimizer's table, as numbers: what a step may look at without a search.
using OptimizerSettings = std::array<double, 8>;

// A run of parameters that are updated together.
template <class T>
struct UpdateSlice {
  T* weights = nullptr;
  const T* gradient = nullptr;
  T gradient_scale = 1;
  std::array<T*, 2> state{};
  std::int64_t count = 0;
  bool decay = false;
};

struct OptimizerType : ComponentType {
  // Names of the values that it keeps for each weight: at most two.
  std::span<const std::string_view> (*state)(const OptimizerSettings& settings);
  // step counts from 0.
  void (*update_float)(const KernelTable<float>&, const OptimizerSettings&, double learning_rate, std::uint64_t step,
                       const UpdateSlice<float>&) noexcept;
  void (*update_double)(const KernelTable<double>&, const OptimizerSettings&, double learning_rate, std::uint64_t step,
                        const UpdateSlice<double>&) noexcept;

  template <class T>
  auto update() const {
    if constexpr (sizeof(T) == sizeof(float))
      return update_float;
    else
      return update_double;
  }
};

// Defined by engine/optim/registry.cpp: nullptr where there is none of that name.
const OptimizerType* find_optimizer(std::string_view name);

}  // namespace hone
