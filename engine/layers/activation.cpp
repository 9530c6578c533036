#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"

namespace hone {

template <class T>
Slot<T>* plan_relu_backward(PlanContext<T>& context, Value<T>* out) {
  Slot<T>* diff = context.images(out->shape.size());
  context.program().over_images(
      "relu_backward", {out->data, out->diff, diff},
      [=, dst = out->data, diff_dst = out->diff, count = out->shape.size() * context.partition().lanes,
       kernel = context.kernels().activation_backward](const Task& task) {
        kernel(Activation::relu, nullptr, dst->at(task), diff_dst->at(task), diff->at(task), count * task.blocks);
      });
  return diff;
}

template <class T>
Value<T>* plan_activation(PlanContext<T>& context, Value<T>* in, Activation activation) {
  if (activation == Activation::none) return in;
  Value<T>* out = context.value(in->shape);
  const std::int64_t count = in->shape.size() * context.partition().lanes;
  context.program().over_images(
      "activation", {in->data, out->data},
      [=, src = in->data, dst = out->data, kernel = context.kernels().activation_forward](const Task& task) {
        kernel(activation, src->at(task), dst->at(task), count * task.blocks);
      });
  context.on_backward([=, &context] {
    context.add_diff(in, [&](Slot<T>* diff_in) {
      Slot<T>* src = needs_input(activation) ? in->data : nullptr;
      Slot<T>* dst = needs_input(activation) ? nullptr : out->data;
      context.program().over_images(
          "activation_backward", {src, dst, out->diff, diff_in},
          [=, diff = out->diff, kernel = context.kernels().activation_backward](const Task& task) {
            kernel(activation, src ? src->at(task) : nullptr, dst ? dst->at(task) : nullptr, diff->at(task),
                   diff_in->at(task), count * task.blocks);
          });
    });
  });
  return out;
}

template Value<float>* plan_activation(PlanContext<float>&, Value<float>*, Activation);
template Value<double>* plan_activation(PlanContext<double>&, Value<double>*, Activation);
template Slot<float>* plan_relu_backward(PlanContext<float>&, Value<float>*);
template Slot<double>* plan_relu_backward(PlanContext<double>&, Value<double>*);

namespace {

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  context.layer(path, spec.type, in, 0, 0);
  return in;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string&) {
  return plan_activation(context, in, activation_named(spec.type));
}

constexpr LayerType layer(std::string_view name, std::string_view doc) {
  return {{name, doc, {}}, infer, plan<float>, plan<double>};
}

}  // namespace

extern const LayerType kRelu = layer("relu", "max(x, 0)");
extern const LayerType kLeakyRelu = layer("leaky_relu", "x where x > 0, else 0.01 x");
extern const LayerType kRelu6 = layer("relu6", "min(max(x, 0), 6)");
extern const LayerType kElu = layer("elu", "x where x > 0, else exp(x) - 1");
extern const LayerType kGelu = layer("gelu", "Gaussian error linear unit, by its tanh formula");
extern const LayerType kSilu = layer("silu", "x * sigmoid(x)");
extern const LayerType kSigmoid = layer("sigmoid", "1 / (1 + exp(-x))");
extern const LayerType kTanh = layer("tanh", "hyperbolic tangent");
extern const LayerType kSoftplus = layer("softplus", "log(1 + exp(x))");

}  // namespace hone
