// Pieces that several layers are made of: each appends its forward ops and registers its backward ones.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/graph/infer.hpp"
#include "engine/graph/plan_context.hpp"
#include "engine/kernels/shapes.hpp"

namespace hone {

// Weights and bias of a convolution with its batch norm, which in evaluation is as linear as itself, in them.
template <class T>
struct FoldedConvolution {
  T *weights, *bias;
  std::function<void()> fold;  // computes them from the parameters
};

// Weights at path.weight, bias at path.bias where there is one, then max(0, .) where relu. Evaluation may have other
// weights instead.
template <class T>
Value<T>* plan_convolution(PlanContext<T>& context, const ConvShape& shape, Value<T>* in, const std::string& path,
                           bool relu, const std::optional<FoldedConvolution<T>>& folded = {});

// The same with a batch norm at path.bn between them.
template <class T>
Value<T>* plan_normalized_convolution(PlanContext<T>& context, const ConvShape& shape, Value<T>* in,
                                      const std::string& path, bool relu);

// The gradients of its input and of its parameters, from that of its output.
template <class T>
void plan_conv_backward_data(PlanContext<T>& context, const std::shared_ptr<const ConvPlan>& plan, Slot<T>* diff,
                             const T* weights, const T* packed, Slot<T>* diff_src);
template <class T>
void plan_conv_backward_weights(PlanContext<T>& context, const std::shared_ptr<const ConvPlan>& plan, Slot<T>* src,
                                Slot<T>* diff, const Parameter<T>* weights, const Parameter<T>* bias);

// Batch norm with its four tensors below `prefix`, then max(0, .) where relu.
template <class T>
Value<T>* plan_batch_norm(PlanContext<T>& context, Value<T>* in, const std::string& prefix, bool relu);

template <class T>
Value<T>* plan_activation(PlanContext<T>& context, Value<T>* in, Activation activation);

// The gradient of max(0, .) whose output is `out`, for layers that apply it in their own kernel.
template <class T>
Slot<T>* plan_relu_backward(PlanContext<T>& context, Value<T>* out);

// Output length of a window that slides over `in` values with `pad` in all added; < 1 where it does not fit.
std::int64_t window_output(std::int64_t in, std::int64_t pad, std::int64_t window, std::int64_t stride);

// Books parameters of a convolution at path.weight and path.bias; returns their number.
std::int64_t infer_convolution(InferContext& context, const ConvShape& shape, const std::string& path, bool bias,
                               bool ends_in_relu);

// Calls run(begin, end) for `piece` of the items [begin, end) after the other, until the run is given up.
template <class Run>
void in_pieces(const Task& task, std::int64_t begin, std::int64_t end, std::int64_t piece, const Run& run) {
  for (; begin < end && !task.given_up(); begin += piece) run(begin, std::min(begin + piece, end));
}

// Cuts n items into at most 16 tasks of a whole number of `tile` items each: by shape alone.
struct Panels {
  Panels(std::int64_t n, std::int64_t tile);
  std::int64_t count = 0, size = 0, items = 0;
  std::int64_t begin(std::int64_t panel) const { return panel * size; }
  std::int64_t end(std::int64_t panel) const;
};

}  // namespace hone
