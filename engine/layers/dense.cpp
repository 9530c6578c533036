#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"units", OptionKind::integer, "", "outputs", 1, kMaxChannels, {}, true},
    {"bias", OptionKind::boolean, "", "a bias a unit; default true unless batch_norm", 0, 0, {}, false, true},
    {"batch_norm", OptionKind::boolean, "false", "batch normalisation before the activation"},
    kActivationOption,
};

// Outputs or inputs that a kernel works on at a time, on every ISA.
constexpr std::int64_t kTile = 10;

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  const std::int64_t units = spec.integer("units");
  const bool batch_norm = spec.boolean("batch_norm");
  const bool bias = spec.has("bias") ? spec.boolean("bias") : !batch_norm;
  const Activation activation = activation_named(spec.choice("activation"));
  context.weight(path + ".weight", {units, in.size()}, in.size(), units, context.ends_in_relu(activation));
  if (bias) context.bias(path + ".bias", units);
  if (batch_norm) context.batch_norm(path + ".bn", units);
  const std::int64_t macs = context.product({units, in.size()});
  const Shape out{units, 1, 1};
  context.layer(path, spec.type, out, macs + (bias ? units : 0) + (batch_norm ? 2 * units : 0), macs);
  return out;
}

template <class T>
struct Planner {
  PlanContext<T>& context;
  const KernelTable<T>& kernels;
  DenseShape shape;
  Parameter<T>* weights;
  Parameter<T>* bias;
  bool whole_batch;

  // Of so many outputs or inputs, with the whole batch.
  std::int64_t at_a_time(std::int64_t items) const {
    return context.at_a_time(items, kTile,
                             static_cast<double>(shape.in) * static_cast<double>(shape.out) *
                                 static_cast<double>(context.partition().batch));
  }

  void forward(Slot<T>* src, Slot<T>* dst, bool relu) const {
    const auto run = [shape = shape, w = weights, b = bias, relu, kernel = kernels.dense_forward](
                         const T* from, T* to, std::int64_t blocks, std::int64_t begin, std::int64_t end) {
      kernel(shape, from, w->values, b ? b->values : nullptr, relu, to, blocks, begin, end);
    };
    if (!whole_batch) {
      context.program().over_images("dense_forward", {src, dst}, [=, out = shape.out](const Task& task) {
        run(src->at(task), dst->at(task), task.blocks, 0, out);
      });
      return;
    }
    const Panels panels(shape.out, kTile);
    context.program().tasks(
        "dense_forward", {src, dst}, panels.count, [=, piece = at_a_time(shape.out)](const Task& task) {
          in_pieces(
              task, panels.begin(task.index), panels.end(task.index), piece,
              [&](std::int64_t begin, std::int64_t end) { run(src->base, dst->base, task.state->blocks, begin, end); });
        });
  }

  void backward(Value<T>* in, Slot<T>* src, Slot<T>* transposed, Slot<T>* diff) const {
    if (whole_batch)
      backward_whole(in, transposed, diff);
    else
      backward_by_chunk(in, src, diff);
  }

  void backward_by_chunk(Value<T>* in, Slot<T>* src, Slot<T>* diff) const {
    Slot<T>* rows = context.images(shape.padded_in());
    context.program().over_images("dense_backward_weights", {src, rows, diff, context.partials()},
                                  [=, shape = shape, partials = context.partials(), offset = weights->partial_offset,
                                   bias_offset = bias ? bias->partial_offset : -1, transpose = kernels.dense_transpose,
                                   kernel = kernels.dense_backward_weights](const Task& task) {
                                    transpose(shape, src->at(task), rows->at(task), task.blocks);
                                    T* out = partials->at(task);
                                    kernel(shape, rows->at(task), diff->at(task), out + offset,
                                           bias_offset < 0 ? nullptr : out + bias_offset, task.blocks, 0, shape.out);
                                  });
    context.add_diff(in, [&](Slot<T>* diff_in) {
      context.program().over_images(
          "dense_backward_data", {diff, diff_in},
          [=, shape = shape, w = weights, kernel = kernels.dense_backward_data](const Task& task) {
            kernel(shape, diff->at(task), w->values, diff_in->at(task), task.blocks, 0, shape.in);
          });
    });
  }

  // Both gradients in one phase: they do not depend on each other.
  void backward_whole(Value<T>* in, Slot<T>* transposed, Slot<T>* diff) const {
    const Panels outputs(shape.out, kTile), inputs(in->needs_diff ? shape.in : 0, kTile);
    const auto emit = [&](Slot<T>* diff_in) {
      context.program().tasks("dense_backward", {transposed, diff, diff_in}, outputs.count + inputs.count,
                              [=, shape = shape, w = weights, b = bias, by_weights = kernels.dense_backward_weights,
                               by_data = kernels.dense_backward_data, out_piece = at_a_time(shape.out),
                               in_piece = at_a_time(shape.in)](const Task& task) {
                                if (task.index < outputs.count) {
                                  in_pieces(task, outputs.begin(task.index), outputs.end(task.index), out_piece,
                                            [&](std::int64_t begin, std::int64_t end) {
                                              by_weights(shape, transposed->base, diff->base, w->gradient,
                                                         b ? b->gradient : nullptr, task.state->blocks, begin, end);
                                            });
                                  return;
                                }
                                const std::int64_t panel = task.index - outputs.count;
                                in_pieces(task, inputs.begin(panel), inputs.end(panel), in_piece,
                                          [&](std::int64_t begin, std::int64_t end) {
                                            by_data(shape, diff->base, w->values, diff_in->base, task.state->blocks,
                                                    begin, end);
                                          });
                              });
    };
    if (in->needs_diff)
      context.add_diff(in, emit);
    else
      emit(nullptr);
  }
};

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) {
  const Activation activation = activation_named(spec.choice("activation"));
  const bool batch_norm = spec.boolean("batch_norm");
  const bool ends_in_relu = activation == Activation::relu, relu = ends_in_relu && !batch_norm;
  Parameter<T>* weights = context.parameter(path + ".weight");
  const Planner<T> planner{context,
                           context.kernels(),
                           {in->shape.size(), spec.integer("units")},
                           weights,
                           context.parameter(path + ".bias"),
                           context.whole_batch(*weights)};

  Slot<T>* transposed = nullptr;
  if (context.training() && planner.whole_batch) {
    transposed = context.images(planner.shape.padded_in());
    context.program().over_images(
        "dense_transpose", {in->data, transposed},
        [=, src = in->data, shape = planner.shape, kernel = context.kernels().dense_transpose](const Task& task) {
          kernel(shape, src->at(task), transposed->at(task), task.blocks);
        });
  }
  Value<T>* out = context.value({planner.shape.out, 1, 1});
  planner.forward(in->data, out->data, relu);
  context.describe_kernel(
      path, std::string("dense ") + context.kernels().name + (planner.whole_batch ? ", whole batch" : ", by chunk"));

  context.on_backward([=, &context] {
    Slot<T>* diff = relu ? plan_relu_backward(context, out) : out->diff;
    planner.backward(in, in->data, transposed, diff);
  });
  if (batch_norm) out = plan_batch_norm(context, out, path + ".bn", ends_in_relu);
  return ends_in_relu ? out : plan_activation(context, out, activation);
}

}  // namespace

extern const LayerType kDense{
    {"dense", "fully connected layer over the flattened (C, H, W) input", kOptions}, infer, plan<float>, plan<double>};

}  // namespace hone
