// What a layer is to the planner. One object of this type a layer, in engine/layers/<name>.cpp.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/component.hpp"
#include "engine/base/shape.hpp"

namespace hone {

class InferContext;
template <class T>
class PlanContext;
template <class T>
struct Value;

struct LayerType : ComponentType {
  // Output shape from the input's; books parameters below `path` and describes the layer. Throws Error(config) at
  // spec.where where the shape is impossible.
  Shape (*infer)(InferContext& context, const Component& spec, Shape in, const std::string& path);
  // Appends the forward ops to the program and registers the backward ones.
  Value<float>* (*plan_float)(PlanContext<float>& context, const Component& spec, Value<float>* in,
                              const std::string& path);
  Value<double>* (*plan_double)(PlanContext<double>& context, const Component& spec, Value<double>* in,
                                const std::string& path);

  template <class T>
  Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) const {
    if constexpr (sizeof(T) == sizeof(float))
      return plan_float(context, spec, in, path);
    else
      return plan_double(context, spec, in, path);
  }
};

// Defined by engine/layers/registry.cpp: nullptr where there is none of that name.
const LayerType* find_layer_type(std::string_view name);

}  // namespace hone
