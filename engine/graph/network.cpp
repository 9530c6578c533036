#include "engine/graph/network.hpp"

#include <algorithm>
#include <optional>

#include "engine/base/parallel.hpp"
#include "engine/graph/infer.hpp"
#include "engine/graph/parameters.hpp"
#include "engine/graph/plan_context.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone {

template <class T>
struct Network<T>::Impl {
  // The network planned for one size of batch.
  struct Variant {
    Variant(const KernelTable<T>& table, const Partition& partition, int threads, const std::atomic<int>* stop)
        : kernels(table), program(partition, threads, stop) {}

    const KernelTable<T>& kernels;
    Program<T> program;
    Slot<T>*logits = nullptr, *loss = nullptr, *correct = nullptr;
    std::uint64_t prepared_for = ~std::uint64_t{0};  // version of the weights
  };

  Impl(const ModelSpec& model_spec, const NetworkOptions& network_options)
      : model(model_spec),
        options(network_options),
        kernels(kernel_table<T>(options.isa)),
        inferred(infer_model(model)),
        layers(inferred.layers()),
        parameters(inferred.parameters(), optimizer(), options.optimizer) {
    check_output();
    const auto channels = static_cast<std::size_t>(model.input.c);
    mean.assign(options.mean.begin(), options.mean.end());
    scale.assign(options.scale.begin(), options.scale.end());
    mean.resize(channels, T(0));
    scale.resize(channels, T(1));

    threads = options.threads > 0 ? options.threads : available_threads();
    // First, since the layers' descriptions are those of the last.
    if (const KernelTable<T>* single = single_kernel_table<T>(options.isa))
      plan(evaluation_few, *single, std::min(options.evaluation_batch_size, few_images(kernels.lanes)), false);
    if (options.training) {
      plan(train, kernel_table_for<T>(options.batch_size, options.isa), options.batch_size, true);
      if (options.last_batch_size > 0)
        plan(train_last, kernel_table_for<T>(options.last_batch_size, options.isa), options.last_batch_size, true);
    }
    plan(evaluation, kernels, options.evaluation_batch_size, false);
    allocate();
  }

  // What a step on a whole batch runs: of training where the network trains.
  Variant& main_variant() { return train ? *train : evaluation_of(options.evaluation_batch_size); }

  Variant& evaluation_of(std::int64_t images) {
    return evaluation_few && images <= evaluation_few->program.partition().batch ? *evaluation_few : *evaluation;
  }

  const OptimizerType* optimizer() const {
    if (!options.training) return nullptr;
    const OptimizerType* found = find_optimizer(options.optimizer.type);
    if (found == nullptr)
      throw Error(ErrorKind::config, options.optimizer.where, "unknown optimizer '" + options.optimizer.type + "'");
    return found;
  }

  void check_output() {
    if (layers.empty())
      throw Error(ErrorKind::config, model.where, "the model has no layers; expected at least a dense layer");
    const Shape out = layers.back().output;
    if (options.classes > 0 && out.size() != options.classes)
      throw Error(ErrorKind::config, model.layers.back().where,
                  "the last layer gives " + std::to_string(out.size()) + " values " + to_string(out) +
                      "; expected one for each of the " + std::to_string(options.classes) + " classes");
    classes = out.size();
  }

  void plan(std::optional<Variant>& variant, const KernelTable<T>& table, std::int64_t batch_size, bool training) {
    variant.emplace(table, Partition::make(batch_size, table.lanes, training), threads, options.stop);
    PlanContext<T> context(variant->program, table, parameters.by_name(), persistent, layers, training, options.seed,
                           options.macs_at_a_time);
    if (training) context.set_partials(context.per_chunk(std::max<std::int64_t>(parameters.partial_size(), 1)));

    Value<T>* input = context.value(model.input);
    input->needs_diff = false;
    plan_load(context, input->data);
    Value<T>* logits = context.plan(model.layers, input, "");
    plan_loss(context, *variant, logits);
    if (training) {
      context.plan_backward();
      parameters.plan_update(context, options.clip_gradients);
    }
  }

  void plan_load(PlanContext<T>& context, Slot<T>* dst) {
    LoadArgs<T> args;
    args.channels = model.input.c;
    args.pixels = model.input.h * model.input.w;
    args.mean = mean.data();
    args.scale = scale.data();
    const std::int64_t image = model.input.size(), lanes = context.kernels().lanes;
    Slot<T>* scratch = context.per_thread(image);  // sizeof(T) >= sizeof(float)
    context.program().over_images("load", {dst, scratch}, [=, load = context.kernels().load_bytes](const Task& task) {
      const Batch& batch = *task.state->batch;
      for (std::int64_t b = 0; b < task.blocks; ++b) {
        const std::int64_t first = task.first_image + b * lanes;
        const std::int64_t valid = std::min(lanes, batch.size - first);
        T* block = dst->at(task) + b * image * lanes;
        if (batch.augmenter == nullptr)
          load(args, batch.pixels + first * image, valid, block);
        else
          load_augmented(args, task, first, valid, lanes, reinterpret_cast<float*>(scratch->at(task)), block);
      }
    });
  }

  static void load_augmented(const LoadArgs<T>& args, const Task& task, std::int64_t first, std::int64_t valid,
                             std::int64_t lanes, float* scratch, T* block) {
    const Batch& batch = *task.state->batch;
    const std::int64_t image = args.channels * args.pixels;
    if (valid < lanes) std::fill_n(block, image * lanes, T(0));
    for (std::int64_t l = 0; l < valid; ++l) {
      batch.augmenter->apply(batch.pixels + (first + l) * image, batch.ids[first + l], task.state->epoch, scratch);
      for (std::int64_t i = 0; i < image; ++i) {
        const std::int64_t c = i / args.pixels;
        block[i * lanes + l] = (static_cast<T>(scratch[i]) - args.mean[c]) * args.scale[c];
      }
    }
  }

  void plan_loss(PlanContext<T>& context, Variant& variant, Value<T>* logits) {
    LossArgs<T> args;
    args.classes = classes;
    args.smoothing = context.training() ? static_cast<T>(options.label_smoothing) : T(0);
    args.weight = T(1) / static_cast<T>(context.partition().batch);
    variant.logits = logits->data;
    variant.loss = context.images(1);
    variant.correct = context.images(1);
    logits->diff = context.training() ? context.images(classes) : nullptr;
    const std::int64_t lanes = context.kernels().lanes, block = classes * lanes;
    context.program().over_images(
        "loss", {logits->data, variant.loss, variant.correct, logits->diff},
        [=, scores = logits->data, loss = variant.loss, correct = variant.correct, diff = logits->diff,
         kernel = context.kernels().softmax_cross_entropy](const Task& task) {
          for (std::int64_t b = 0; b < task.blocks; ++b) {
            const std::int64_t valid = std::min(lanes, task.valid - b * lanes);
            kernel(args, scores->at(task) + b * block, task.state->batch->labels + task.first_image + b * lanes, valid,
                   loss->at(task) + b * lanes, correct->at(task) + b * lanes,
                   diff ? diff->at(task) + b * block : nullptr);
          }
        });
    context.program().keep(variant.loss);
    context.program().keep(variant.correct);
    if (!context.training()) context.program().keep(variant.logits);
  }

  void allocate() {
    std::int64_t most = 0;
    for (auto* variant : {&train, &train_last, &evaluation, &evaluation_few})
      if (*variant) most = std::max(most, (*variant)->program.assign());
    arena = Slab(most);
    for (auto* variant : {&train, &train_last, &evaluation, &evaluation_few})
      if (*variant) (*variant)->program.place(arena.data());
  }

  // Runs a variant; sums of loss and of right answers in the order of the images.
  EvaluationResult run(Variant& variant, const Batch& batch, StepState state, Team& team) noexcept {
    state.batch = &batch;
    state.blocks = (batch.size + variant.kernels.lanes - 1) / variant.kernels.lanes;
    EvaluationResult result;
    result.given_up = !variant.program.run(state, variant.prepared_for != version, team);
    if (result.given_up) return result;
    variant.prepared_for = version;
    double correct = 0;
    for (std::int64_t i = 0; i < batch.size; ++i) {
      result.loss_sum += static_cast<double>(variant.loss->base[i]);
      correct += static_cast<double>(variant.correct->base[i]);
    }
    result.correct = static_cast<std::int64_t>(correct);
    return result;
  }

  ModelSpec model;
  NetworkOptions options;
  const KernelTable<T>& kernels;
  InferContext inferred;
  std::vector<LayerInfo> layers;
  ParameterStore<T> parameters;
  std::vector<T> mean, scale;
  std::map<std::string, Slab> persistent;
  std::optional<Variant> train, train_last, evaluation, evaluation_few;
  Slab arena;
  int threads = 1;
  std::int64_t classes = 0;
  std::uint64_t version = 0;  // of the weights: what was packed for an older one is packed again
};

template <class T>
Network<T>::Network(const ModelSpec& model, const NetworkOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}
template <class T>
Network<T>::~Network() = default;
template <class T>
Network<T>::Network(Network&&) noexcept = default;
template <class T>
Network<T>& Network<T>::operator=(Network&&) noexcept = default;

template <class T>
void Network<T>::initialize(std::uint64_t seed) {
  impl_->parameters.initialize(seed, impl_->options.stop);
  ++impl_->version;
}

template <class T>
StepResult Network<T>::train_step(const Batch& batch, double learning_rate, std::uint64_t epoch, std::uint64_t step,
                                  Team& team) noexcept {
  StepState state;
  state.learning_rate = learning_rate;
  state.epoch = epoch;
  state.step = step;
  auto& variant = batch.size == impl_->options.batch_size ? *impl_->train : *impl_->train_last;
  const EvaluationResult sums = impl_->run(variant, batch, state, team);
  if (!sums.given_up) ++impl_->version;
  return {sums.loss_sum / static_cast<double>(batch.size), sums.correct, sums.given_up};
}

template <class T>
EvaluationResult Network<T>::evaluate(const Batch& batch, float* logits, Team& team) noexcept {
  auto& variant = impl_->evaluation_of(batch.size);
  const EvaluationResult result = impl_->run(variant, batch, {}, team);
  if (logits == nullptr || result.given_up) return result;
  const std::int64_t lanes = variant.kernels.lanes, classes = impl_->classes;
  for (std::int64_t i = 0; i < batch.size; ++i)
    for (std::int64_t k = 0; k < classes; ++k)
      logits[i * classes + k] = static_cast<float>(variant.logits->base[(i / lanes * classes + k) * lanes + i % lanes]);
  return result;
}

template <class T>
std::span<const TensorInfo> Network<T>::tensors() const {
  return impl_->parameters.tensors();
}

template <class T>
std::span<T> Network<T>::values(const TensorInfo& tensor) {
  ++impl_->version;  // the caller may write
  return {impl_->parameters.values(tensor), static_cast<std::size_t>(tensor.size)};
}

template <class T>
std::span<const T> Network<T>::values(const TensorInfo& tensor) const {
  return {impl_->parameters.values(tensor), static_cast<std::size_t>(tensor.size)};
}

template <class T>
std::span<const TensorInfo> Network<T>::optimizer_tensors() const {
  return impl_->parameters.optimizer_tensors();
}

template <class T>
std::span<T> Network<T>::optimizer_values(const TensorInfo& tensor) {
  return {impl_->parameters.state(tensor), static_cast<std::size_t>(tensor.size)};
}

template <class T>
std::span<const T> Network<T>::optimizer_values(const TensorInfo& tensor) const {
  return {impl_->parameters.state(tensor), static_cast<std::size_t>(tensor.size)};
}

template <class T>
std::span<const T> Network<T>::gradient(const TensorInfo& tensor) const {
  return {impl_->parameters.gradient(tensor), static_cast<std::size_t>(tensor.size)};
}

template <class T>
void Network<T>::time_ops() {
  impl_->main_variant().program.time_ops();
}

template <class T>
std::vector<OpTime> Network<T>::op_times() const {
  return impl_->main_variant().program.op_times();
}

template <class T>
bool Network<T>::finite() const {
  return impl_->parameters.finite();
}

template <class T>
std::span<const LayerInfo> Network<T>::layers() const {
  return impl_->layers;
}

template <class T>
std::int64_t Network<T>::parameters() const {
  return impl_->parameters.trainable();
}

template <class T>
std::int64_t Network<T>::macs_per_image() const {
  std::int64_t macs = 0;
  for (const LayerInfo& layer : impl_->layers) macs += layer.macs;
  return macs;
}

template <class T>
std::int64_t Network<T>::arena_bytes() const {
  return impl_->arena.size() + impl_->parameters.bytes();
}

template <class T>
bool Network<T>::convolutional() const {
  return impl_->inferred.convolutional();
}

template <class T>
Shape Network<T>::input() const {
  return impl_->model.input;
}

template <class T>
std::int64_t Network<T>::classes() const {
  return impl_->classes;
}

template <class T>
std::uint64_t Network<T>::plan_hash() const {
  std::string text = std::string(impl_->kernels.name) + " " + std::to_string(impl_->kernels.lanes) + " " +
                     std::to_string(impl_->options.batch_size);
  for (const LayerInfo& layer : impl_->layers)
    text += "\n" + layer.path + " " + layer.type + " " + to_string(layer.output) + " " + layer.kernel;
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

template class Network<float>;
template class Network<double>;

}  // namespace hone
