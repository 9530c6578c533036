// What a layer is to the planner. One object of this type a layer, in engine/layers/<name>.cpp.
#pragma once

#include "engine/base/component.hpp"
#include "engine/base/shape.hpp"

namespace hone {

class InferContext;
template <class T>
class PlanContext;

struct LayerType : ComponentType {};

}  // namespace hone
