// Dropout (Srivastava et al. 2014), inverted: values that stay are scaled up, evaluation does nothing. Which values go
// is a function of seed, epoch, layer and the image's stable index, so that it is computed again in the backward pass
// and is the same after a resume.
#include "engine/base/rng.hpp"
#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"rate", OptionKind::real, "0.5", "share of the values set to zero in training", 0, 0.99, {}, true},
};

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  context.layer(path, spec.type, in, 0, 0);
  return in;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) {
  if (!context.training() || spec.real("rate") == 0) return in;
  const std::int64_t size = in->shape.size(), lanes = context.partition().lanes;
  DropoutArgs args;
  args.threshold = static_cast<std::uint32_t>(spec.real("rate") * 4294967296.0);
  args.scale = 1 / (1 - spec.real("rate"));
  const std::uint64_t key = derive_key(context.seed(), "dropout " + path);
  const auto apply = [=, kernel = context.kernels().dropout](const Task& task, const T* src, T* dst) {
    constexpr std::int64_t kMostLanes = 16;
    std::uint32_t keys[2 * kMostLanes] = {};
    for (std::int64_t b = 0; b < task.blocks; ++b) {
      for (std::int64_t l = 0; l < lanes && b * lanes + l < task.valid; ++l) {
        const Batch& batch = *task.state->batch;
        const std::uint32_t id = batch.ids[task.first_image + b * lanes + l];
        const auto bits = Philox::at(key, task.state->epoch, id);
        keys[2 * l] = bits[0];
        keys[2 * l + 1] = bits[1];
      }
      kernel(args, src + b * size * lanes, keys, dst + b * size * lanes, size);
    }
  };
  Value<T>* out = context.value(in->shape);
  context.program().over_images(
      "dropout", {in->data, out->data},
      [=, src = in->data, dst = out->data](const Task& task) { apply(task, src->at(task), dst->at(task)); });
  context.on_backward([=, &context] {
    context.add_diff(in, [&](Slot<T>* diff_in) {
      context.program().over_images("dropout_backward", {out->diff, diff_in}, [=, diff = out->diff](const Task& task) {
        apply(task, diff->at(task), diff_in->at(task));
      });
    });
  });
  return out;
}

}  // namespace

extern const LayerType kDropout{{"dropout", "zeroes a share of the values in training, scales up the others", kOptions},
                                infer,
                                plan<float>,
                                plan<double>};

}  // namespace hone
