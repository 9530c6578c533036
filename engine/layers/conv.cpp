#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"filters", OptionKind::integer, "", "output channels", 1, kMaxChannels, {}, true},
    {"kernel", OptionKind::pair, "", "height and width of the window", 1, kMaxSize},
    {"stride", OptionKind::pair, "1", "step of the window", 1, kMaxSize},
    {"padding", OptionKind::pair_or_choice, "valid", "zeros around the input; same: output is ceil(n / stride)", 0,
     kMaxSize, kPaddingNames},
    {"dilation", OptionKind::pair, "1", "distance of the window's taps", 1, kMaxSize},
    {"groups", OptionKind::integer, "1", "input and output channels are split into so many groups", 1, kMaxChannels},
    {"bias", OptionKind::boolean, "", "a bias a filter; default true unless batch_norm", 0, 0, {}, false, true},
    {"batch_norm", OptionKind::boolean, "false", "batch normalisation before the activation"},
    kActivationOption,
};

struct Axis {
  std::int64_t pad = 0, out = 0;
};

// Padding before the first value and output length. same: the smaller half comes first.
Axis convolve_axis(const OptionValue& padding, int axis, std::int64_t in, std::int64_t kernel, std::int64_t stride,
                   std::int64_t dilation) {
  const std::int64_t window = (kernel - 1) * dilation + 1;
  if (const auto* name = std::get_if<std::string>(&padding); name != nullptr && *name == "same") {
    const std::int64_t out = (in + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride + window - in);
    return {total / 2, out};
  }
  const auto* pair = std::get_if<Pair>(&padding);
  const std::int64_t pad = pair != nullptr ? (*pair)[static_cast<std::size_t>(axis)] : 0;
  return {pad, window_output(in, 2 * pad, window, stride)};
}

ConvShape conv_shape(const Component& spec, Shape in) {
  const auto fail = [&](const std::string& message) -> void { throw Error(ErrorKind::config, spec.where, message); };
  ConvShape shape;
  shape.c = in.c;
  shape.h = in.h;
  shape.w = in.w;
  shape.k = spec.integer("filters");
  shape.groups = spec.integer("groups");
  if (in.c % shape.groups != 0 || shape.k % shape.groups != 0)
    fail("conv: groups " + std::to_string(shape.groups) + " does not divide " + std::to_string(in.c) +
         " input channels and " + std::to_string(shape.k) + " filters; expected a common divisor");
  const Pair kernel = spec.pair("kernel"), stride = spec.pair("stride"), dilation = spec.pair("dilation");
  shape.r = kernel[0];
  shape.s = kernel[1];
  shape.stride_h = stride[0];
  shape.stride_w = stride[1];
  shape.dilation_h = dilation[0];
  shape.dilation_w = dilation[1];
  const Axis rows = convolve_axis(spec.value("padding"), 0, in.h, shape.r, shape.stride_h, shape.dilation_h);
  const Axis columns = convolve_axis(spec.value("padding"), 1, in.w, shape.s, shape.stride_w, shape.dilation_w);
  shape.pad_h = rows.pad;
  shape.pad_w = columns.pad;
  shape.out_h = rows.out;
  shape.out_w = columns.out;
  if (shape.out_h < 1 || shape.out_w < 1)
    fail("conv: a kernel of " + std::to_string(shape.r) + " x " + std::to_string(shape.s) +
         " does not fit an input of " + to_string(in) +
         "; expected a smaller kernel, padding, or fewer pools before it");
  return shape;
}

bool has_bias(const Component& spec) { return spec.has("bias") ? spec.boolean("bias") : !spec.boolean("batch_norm"); }

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  const ConvShape shape = conv_shape(spec, in);
  const Activation activation = activation_named(spec.choice("activation"));
  context.found_convolution();
  std::int64_t parameters = infer_convolution(context, shape, path, has_bias(spec), context.ends_in_relu(activation));
  if (spec.boolean("batch_norm")) {
    context.batch_norm(path + ".bn", shape.k);
    parameters += 2 * shape.k;
  }
  const Shape out{shape.k, shape.out_h, shape.out_w};
  context.layer(path, spec.type, out, parameters,
                context.product({shape.weights(), shape.out_h, shape.out_w}, kMostMacs));
  return out;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) {
  const Activation activation = activation_named(spec.choice("activation"));
  const bool relu = activation == Activation::relu;
  const ConvShape shape = conv_shape(spec, in->shape);
  Value<T>* out = spec.boolean("batch_norm") ? plan_normalized_convolution(context, shape, in, path, relu)
                                             : plan_convolution(context, shape, in, path, relu);
  return relu ? out : plan_activation(context, out, activation);
}

}  // namespace

extern const LayerType kConv{
    {"conv", "2-d convolution, batch norm, activation", kOptions}, infer, plan<float>, plan<double>};

}  // namespace hone
