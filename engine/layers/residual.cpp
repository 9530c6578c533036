// Residual connection (He et al. 2016, arXiv:1512.03385).
#include <array>

#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr std::array<std::string_view, 3> kShortcuts = {"auto", "identity", "projection"};
constexpr OptionSpec kOptions[] = {
    {"shortcut", OptionKind::choice, "auto",
     "what is added to the layers' output; auto: identity where shapes agree, else projection", 0, 0, kShortcuts},
};

bool is_identity(const Component& spec, Shape in, Shape out) {
  return spec.choice("shortcut") == "identity" || (spec.choice("shortcut") == "auto" && in == out);
}

// 1x1 convolution from `in` to `out`, with the stride that fits.
ConvShape projection(Shape in, Shape out) {
  ConvShape shape;
  shape.c = in.c;
  shape.h = in.h;
  shape.w = in.w;
  shape.k = out.c;
  shape.out_h = out.h;
  shape.out_w = out.w;
  shape.r = shape.s = 1;
  shape.stride_h = (in.h + out.h - 1) / out.h;
  shape.stride_w = (in.w + out.w - 1) / out.w;
  return shape;
}

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  const Shape out = context.infer(spec.layers, in, path + ".");
  if (is_identity(spec, in, out)) {
    if (in != out)
      throw Error(ErrorKind::config, spec.where,
                  "residual: its layers turn " + to_string(in) + " into " + to_string(out) +
                      "; expected the same shape with 'shortcut: identity' (or use 'auto' or 'projection')");
    return out;
  }
  const ConvShape shape = projection(in, out);
  if ((in.h + shape.stride_h - 1) / shape.stride_h != out.h || (in.w + shape.stride_w - 1) / shape.stride_w != out.w)
    throw Error(ErrorKind::config, spec.where,
                "residual: no stride takes " + to_string(in) + " to " + to_string(out) +
                    " for the shortcut; expected layers with 'padding: same' or a whole stride");
  const std::int64_t parameters = infer_convolution(context, shape, path + ".shortcut", false, false) + 2 * shape.k;
  context.batch_norm(path + ".shortcut.bn", shape.k);
  context.layer(path + ".shortcut", "conv", out, parameters,
                context.product({shape.weights(), shape.out_h, shape.out_w}, kMostMacs));
  return out;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) {
  Value<T>* branch = context.plan(spec.layers, in, path + ".");
  Value<T>* shortcut = in;
  if (!is_identity(spec, in->shape, branch->shape)) {
    shortcut =
        plan_normalized_convolution(context, projection(in->shape, branch->shape), in, path + ".shortcut", false);
  }
  Value<T>* out = context.value(branch->shape);
  context.program().over_images(
      "residual_add", {branch->data, shortcut->data, out->data},
      [a = branch->data, b = shortcut->data, dst = out->data, count = out->shape.size() * context.partition().lanes,
       kernel = context.kernels().add](const Task& task) {
        kernel(a->at(task), b->at(task), dst->at(task), count * task.blocks);
      });
  context.on_backward([=, &context] {
    context.add_existing_diff(branch, out->diff);
    context.add_existing_diff(shortcut, out->diff);
  });
  return out;
}

}  // namespace

extern const LayerType kResidual{
    {"residual", "layers with a shortcut around them; the sum", kOptions, true}, infer, plan<float>, plan<double>};

}  // namespace hone
