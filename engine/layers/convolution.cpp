// A convolution on its own: conv is made of it, and so is a residual's projection.
#include <algorithm>
#include <memory>

#include "engine/layers/blocks.hpp"

namespace hone {
namespace {

// Kernels for a few images leave few chunks to share out: there, the rows of each image are.
std::int64_t parts_of(const ConvPlan& plan, std::int64_t rows) {
  constexpr std::int64_t kMost = 8, kFewestRows = 4, kFewestMacs = 100'000;
  if (!plan.by_rows) return 1;
  return std::clamp<std::int64_t>(std::min(rows / kFewestRows, plan.shape.macs() / kFewestMacs), 1, kMost);
}

// Output channels of a task of the weights' gradient: those of a tile must be of one group. Kernels for a few images
// transpose the input in each task again: rather larger ones there, while there is one for each thread.
std::int64_t channels_of_a_task(const ConvPlan& plan, int threads) {
  constexpr std::int64_t kMost = 32;
  if (plan.shape.groups > 1) return plan.shape.group_k();
  std::int64_t channels = plan.weight_tile;
  while (plan.by_rows && 2 * channels <= kMost && plan.shape.k >= 2 * channels * threads) channels *= 2;
  return channels;
}

using OnlyRows = ConvPlan (ConvPlan::*)(std::int64_t, std::int64_t) const;

// The plan in `count` parts, of `rows` rows in all.
std::shared_ptr<const std::vector<ConvPlan>> cut(const ConvPlan& plan, std::int64_t rows, std::int64_t count,
                                                 OnlyRows only_rows) {
  const auto parts = std::make_shared<std::vector<ConvPlan>>();
  for (std::int64_t i = 0; i < count; ++i)
    parts->push_back((plan.*only_rows)(i * rows / count, (i + 1) * rows / count));
  return parts;
}

// Each chunk of images as a task: at once, or where that takes long, block by block and some rows at a time.
template <class T, class Run>
void plan_by_chunk(PlanContext<T>& context, const char* name, const std::shared_ptr<const ConvPlan>& plan,
                   std::int64_t rows, OnlyRows only_rows, Slot<T>* src, Slot<T>* dst, const Run& run) {
  const std::int64_t lanes = context.partition().lanes, blocks = context.partition().most_blocks();
  const double macs = static_cast<double>(plan->shape.macs()) * static_cast<double>(lanes);
  if (macs * static_cast<double>(blocks) <= static_cast<double>(context.macs_at_a_time())) {
    context.program().over_images(
        name, {src, dst}, [=](const Task& task) { run(*plan, src->at(task), dst->at(task), task.blocks, *task.crew); });
    return;
  }
  const bool by_rows = plan->packed > 0 || plan->by_rows;  // reference kernels compute all of them
  const std::int64_t at_a_time = by_rows ? context.at_a_time(rows, 1, macs) : rows;
  const auto parts = cut(*plan, rows, (rows + at_a_time - 1) / at_a_time, only_rows);
  context.program().over_images(name, {src, dst}, [=](const Task& task) {
    for (std::int64_t b = 0; b < task.blocks; ++b)
      for (const ConvPlan& part : *parts) {
        if (task.given_up()) return;
        run(part, src->at(task) + b * src->size * lanes, dst->at(task) + b * dst->size * lanes, 1, *task.crew);
      }
  });
}

// One direction, whose output has so many rows; only_rows: of the plan's methods, the one for its rows.
// run(plan, src, dst, blocks, crew)
template <class T, class Run>
void plan_direction(PlanContext<T>& context, const char* name, const std::shared_ptr<const ConvPlan>& plan,
                    std::int64_t rows, OnlyRows only_rows, Slot<T>* src, Slot<T>* dst, const Run& run) {
  const std::int64_t count = parts_of(*plan, rows);
  if (count == 1) {
    plan_by_chunk(context, name, plan, rows, only_rows, src, dst, run);
    return;
  }
  const auto parts = cut(*plan, rows, count, only_rows);
  context.program().tasks(name, {src, dst}, context.partition().blocks * count, [=](const Task& task) {
    const std::int64_t image = task.index / count;
    if (image >= task.state->blocks) return;
    run((*parts)[static_cast<std::size_t>(task.index % count)], src->base + image * src->block_stride,
        dst->base + image * dst->block_stride, 1, *task.crew);
  });
}

// Whether the kernel, which does a chunk in one go, would keep a step from being given up for long.
template <class T>
bool takes_long(const PlanContext<T>& context, const ConvPoolPlan& plan) {
  constexpr double kPieces = 8;  // as many pieces of a convolution that can be cut are worth it
  const Partition& partition = context.partition();
  const double images = static_cast<double>(partition.most_blocks() * partition.lanes);
  const double window = static_cast<double>(plan.pool.size_h * plan.pool.size_w);
  return 2 * static_cast<double>(plan.conv.macs()) * images / window >
         kPieces * static_cast<double>(context.macs_at_a_time());
}

// The backward pass of a convolution whose output a max_pool alone reads.
template <class T>
void plan_pooled_backward(PlanContext<T>& context, const ConvPoolPlan& sizes, Value<T>* in,
                          const typename Value<T>::Pooled& pooled, const std::string& path, bool relu) {
  const auto plan = std::make_shared<const ConvPoolPlan>(sizes);
  const Parameter<T>*weights = context.parameter(path + ".weight"), *bias = context.parameter(path + ".bias");
  T* packed = context.persistent(path + ".packed_pooled", plan->packed);
  if (plan->packed > 0)
    context.prepare([=, pack = context.kernels().conv_pool_pack] { pack(*plan, weights->values, packed); });
  Slot<T>* scratch = plan->scratch > 0 ? context.per_thread(plan->scratch) : nullptr;
  Slot<T>* diff_in = plan->backward_data ? context.images(in->shape.size()) : nullptr;
  Slot<T>* dst = relu ? pooled.data : nullptr;
  context.program().over_images("conv_pool_backward",
                                {in->data, pooled.argmax, dst, pooled.diff, context.partials(), diff_in, scratch},
                                [=, src = in->data, partials = context.partials(),
                                 kernel = context.kernels().conv_pool_backward](const Task& task) {
                                  ConvPoolArgs<T> args;
                                  args.src = src->at(task);
                                  args.weights = weights->values;
                                  args.packed = packed;
                                  args.argmax = pooled.argmax->at(task);
                                  args.dst = dst ? dst->at(task) : nullptr;
                                  args.diff_dst = pooled.diff->at(task);
                                  args.diff_weights = partials->at(task) + weights->partial_offset;
                                  args.diff_bias = bias ? partials->at(task) + bias->partial_offset : nullptr;
                                  args.diff_src = diff_in ? diff_in->at(task) : nullptr;
                                  args.scratch = scratch ? scratch->at(task) : nullptr;
                                  kernel(*plan, args, task.blocks, *task.crew);
                                });
  if (diff_in != nullptr) context.add_existing_diff(in, diff_in);
}

}  // namespace

template <class T>
void plan_conv_backward_data(PlanContext<T>& context, const std::shared_ptr<const ConvPlan>& plan, Slot<T>* diff,
                             const T* weights, const T* packed, Slot<T>* diff_src) {
  plan_direction(context, "conv_backward_data", plan, plan->shape.h, &ConvPlan::only_backward_rows, diff, diff_src,
                 [=, kernel = context.kernels().conv_backward_data](const ConvPlan& part, const T* from, T* to,
                                                                    std::int64_t blocks, Crew& crew) {
                   kernel(part, from, weights, packed, to, blocks, crew);
                 });
}

template <class T>
void plan_conv_backward_weights(PlanContext<T>& context, const std::shared_ptr<const ConvPlan>& plan, Slot<T>* src,
                                Slot<T>* diff, const Parameter<T>* weights, const Parameter<T>* bias) {
  const auto kernel = context.kernels().conv_backward_weights;
  Slot<T>* scratch = plan->weights_scratch > 0 ? context.per_thread(plan->weights_scratch) : nullptr;
  const std::int64_t tile = channels_of_a_task(*plan, context.program().threads());
  const auto at_a_time = [&](std::int64_t images) {
    return context.at_a_time(plan->shape.k, tile,
                             static_cast<double>(plan->shape.macs()) * static_cast<double>(images));
  };
  if (!context.whole_batch(*weights)) {
    const std::int64_t piece = at_a_time(context.partition().most_blocks() * context.partition().lanes);
    context.program().over_images("conv_backward_weights", {src, diff, context.partials(), scratch},
                                  [=, partials = context.partials(), offset = weights->partial_offset,
                                   bias_offset = bias ? bias->partial_offset : 0](const Task& task) {
                                    T* out = partials->at(task);
                                    in_pieces(task, 0, plan->shape.k, piece, [&](std::int64_t begin, std::int64_t end) {
                                      kernel(*plan, src->at(task), diff->at(task), out + offset,
                                             bias ? out + bias_offset : nullptr, task.blocks, begin, end,
                                             scratch ? scratch->at(task) : nullptr, *task.crew);
                                    });
                                  });
    return;
  }
  const Panels panels(plan->shape.k, tile);
  const std::int64_t piece = at_a_time(context.partition().batch);
  context.program().tasks("conv_backward_weights", {src, diff, scratch}, panels.count, [=](const Task& task) {
    in_pieces(task, panels.begin(task.index), panels.end(task.index), piece, [&](std::int64_t begin, std::int64_t end) {
      kernel(*plan, src->base, diff->base, weights->gradient, bias ? bias->gradient : nullptr, task.state->blocks,
             begin, end, scratch ? scratch->at(task) : nullptr, *task.crew);
    });
  });
}

std::int64_t infer_convolution(InferContext& context, const ConvShape& shape, const std::string& path, bool bias,
                               bool ends_in_relu) {
  const std::int64_t window = shape.r * shape.s;
  context.weight(path + ".weight", {shape.k, shape.group_c(), shape.r, shape.s}, shape.group_c() * window,
                 shape.k * window, ends_in_relu);
  if (bias) context.bias(path + ".bias", shape.k);
  return shape.weights() + (bias ? shape.k : 0);
}

template <class T>
Value<T>* plan_convolution(PlanContext<T>& context, const ConvShape& shape, Value<T>* in, const std::string& path,
                           bool relu, const std::optional<FoldedConvolution<T>>& folded) {
  auto prepared = std::make_shared<ConvPlan>(shape);
  context.kernels().conv_prepare(*prepared);
  const std::shared_ptr<const ConvPlan> plan = prepared;
  Parameter<T>* weights = context.parameter(path + ".weight");
  Parameter<T>* bias = context.parameter(path + ".bias");
  const bool backward_data = context.training() && in->needs_diff;
  const auto pack_backward = std::make_shared<bool>(backward_data);

  const T* values = folded ? folded->weights : weights->values;
  const T* bias_values = folded ? folded->bias : bias ? bias->values : nullptr;
  // Training, between evaluations, relies on what it has packed.
  T* packed = context.persistent(path + (folded ? ".packed_folded" : ".packed"), plan->packed);
  T* packed_backward = context.persistent(path + ".packed_backward", plan->packed_backward);
  const bool packs = plan->packed + plan->packed_backward > 0;
  if (packs || folded)
    context.prepare([=, pack = context.kernels().conv_pack] {
      if (folded) folded->fold();
      if (packs) pack(*plan, values, packed, *pack_backward ? packed_backward : nullptr);
    });

  Value<T>* out = context.value({shape.k, shape.out_h, shape.out_w});
  plan_direction(context, "conv_forward", plan, shape.out_h, &ConvPlan::only_rows, in->data, out->data,
                 [=, kernel = context.kernels().conv_forward](const ConvPlan& part, const T* src, T* dst,
                                                              std::int64_t blocks, Crew& crew) {
                   kernel(part, src, values, packed, bias_values, relu, dst, blocks, crew);
                 });
  context.describe_kernel(path,
                          describe(*plan, context.kernels().name) + (folded ? ", batch norm in its weights" : ""));

  const auto pool_plan = std::make_shared<ConvPoolPlan>();
  if (context.training() && !context.whole_batch(*weights))
    out->accepts_pooled = [=, &context](const PoolShape& pool) {
      *pool_plan = {shape, pool, backward_data};
      return pool_plan->possible() && !takes_long(context, *pool_plan) &&
             context.kernels().conv_pool_prepare(*pool_plan);
    };

  context.on_backward([=, &context] {
    if (out->pooled) {
      *pack_backward = false;
      plan_pooled_backward<T>(context, *pool_plan, in, *out->pooled, path, relu);
      return;
    }
    Slot<T>* diff = relu ? plan_relu_backward(context, out) : out->diff;
    plan_conv_backward_weights<T>(context, plan, in->data, diff, weights, bias);
    context.add_diff(in, [&](Slot<T>* diff_in) {
      plan_conv_backward_data<T>(context, plan, diff, weights->values, packed_backward, diff_in);
    });
  });
  return out;
}

template void plan_conv_backward_data(PlanContext<float>&, const std::shared_ptr<const ConvPlan>&, Slot<float>*,
                                      const float*, const float*, Slot<float>*);
template void plan_conv_backward_weights(PlanContext<float>&, const std::shared_ptr<const ConvPlan>&, Slot<float>*,
                                         Slot<float>*, const Parameter<float>*, const Parameter<float>*);
template Value<float>* plan_convolution(PlanContext<float>&, const ConvShape&, Value<float>*, const std::string&, bool,
                                        const std::optional<FoldedConvolution<float>>&);
template Value<double>* plan_convolution(PlanContext<double>&, const ConvShape&, Value<double>*, const std::string&,
                                         bool, const std::optional<FoldedConvolution<double>>&);

}  // namespace hone
