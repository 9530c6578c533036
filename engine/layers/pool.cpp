#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"size", OptionKind::pair, "", "height and width of the window", 1, kMaxSize, {}, true},
    {"stride", OptionKind::pair, "", "step of the window; default: its size", 1, kMaxSize, {}, false, true},
    {"padding", OptionKind::pair, "0", "around the input; never wins a maximum, counts as zeros in a mean", 0,
     kMaxSize},
};

PoolShape pool_shape(const Component& spec, Shape in) {
  PoolShape shape;
  shape.c = in.c;
  shape.h = in.h;
  shape.w = in.w;
  const Pair size = spec.pair("size"), padding = spec.pair("padding");
  const Pair stride = spec.has("stride") ? spec.pair("stride") : size;
  shape.size_h = size[0];
  shape.size_w = size[1];
  shape.stride_h = stride[0];
  shape.stride_w = stride[1];
  shape.pad_h = padding[0];
  shape.pad_w = padding[1];
  shape.out_h = window_output(in.h, 2 * padding[0], size[0], stride[0]);
  shape.out_w = window_output(in.w, 2 * padding[1], size[1], stride[1]);
  if (2 * padding[0] > size[0] || 2 * padding[1] > size[1])
    throw Error(ErrorKind::config, spec.where,
                spec.type + ": padding is more than half of the window; expected at most size / 2");
  if (shape.out_h < 1 || shape.out_w < 1)
    throw Error(ErrorKind::config, spec.where,
                spec.type + ": a window of " + std::to_string(size[0]) + " x " + std::to_string(size[1]) +
                    " does not fit an input of " + to_string(in) +
                    "; expected a smaller window or fewer pools before it");
  return shape;
}

// A window over all of each channel.
PoolShape global_shape(const Component&, Shape in) { return {in.c, in.h, in.w, 1, 1, in.h, in.w, in.h, in.w, 0, 0}; }

template <PoolShape (*shape_of)(const Component&, Shape)>
Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  const PoolShape shape = shape_of(spec, in);
  const Shape out{shape.c, shape.out_h, shape.out_w};
  context.layer(path, spec.type, out, 0, 0);
  return out;
}

template <class T>
Value<T>* plan_max(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string&) {
  const PoolShape shape = pool_shape(spec, in->shape);
  Value<T>* out = context.value({shape.c, shape.out_h, shape.out_w});
  Slot<T>* argmax = context.training() ? context.images(out->shape.size()) : nullptr;
  context.program().over_images(
      "max_pool", {in->data, out->data, argmax},
      [=, src = in->data, dst = out->data, kernel = context.kernels().max_pool_forward](const Task& task) {
        kernel(shape, src->at(task), dst->at(task), argmax ? argmax->at(task) : nullptr, task.blocks);
      });
  context.on_backward([=, &context] { context.add_pooled_diff(in, {shape, argmax, out->data, out->diff}); });
  return out;
}

template <class T, PoolShape (*shape_of)(const Component&, Shape)>
Value<T>* plan_avg(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string&) {
  const PoolShape shape = shape_of(spec, in->shape);
  Value<T>* out = context.value({shape.c, shape.out_h, shape.out_w});
  context.program().over_images("avg_pool", {in->data, out->data},
                                [=, src = in->data, dst = out->data, kernel = context.kernels().avg_pool_forward](
                                    const Task& task) { kernel(shape, src->at(task), dst->at(task), task.blocks); });
  context.on_backward([=, &context] {
    context.add_diff(in, [&](Slot<T>* diff_in) {
      context.program().over_images(
          "avg_pool_backward", {out->diff, diff_in},
          [=, diff = out->diff, kernel = context.kernels().avg_pool_backward](const Task& task) {
            kernel(shape, diff->at(task), diff_in->at(task), task.blocks);
          });
    });
  });
  return out;
}

}  // namespace

extern const LayerType kMaxPool{
    {"max_pool", "the largest value of each window", kOptions}, infer<pool_shape>, plan_max<float>, plan_max<double>};
extern const LayerType kAvgPool{{"avg_pool", "the mean of each window", kOptions},
                                infer<pool_shape>,
                                plan_avg<float, pool_shape>,
                                plan_avg<double, pool_shape>};
extern const LayerType kGlobalAvgPool{{"global_avg_pool", "each channel's mean", {}},
                                      infer<global_shape>,
                                      plan_avg<float, global_shape>,
                                      plan_avg<double, global_shape>};

}  // namespace hone
