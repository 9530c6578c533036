#include "engine/graph/parameters.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/base/rng.hpp"

namespace hone {
namespace {

constexpr std::int64_t kTensorAlignment = 16;  // values
constexpr std::int64_t kSlice = 8192;          // values that a task updates

OptimizerSettings settings_of(const Component& component, const OptimizerType& type) {
  OptimizerSettings settings{};
  for (std::size_t i = 0; i < type.options.size(); ++i) {
    const OptionValue& value = component.value(type.options[i].name);
    if (const auto* flag = std::get_if<bool>(&value))
      settings[i] = *flag ? 1 : 0;
    else if (const auto* integer = std::get_if<std::int64_t>(&value))
      settings[i] = static_cast<double>(*integer);
    else
      settings[i] = std::get<double>(value);
  }
  return settings;
}

}  // namespace

template <class T>
ParameterStore<T>::ParameterStore(const std::vector<ParameterSpec>& specs, const OptimizerType* optimizer,
                                  const Component& settings)
    : specs_(specs), optimizer_(optimizer) {
  const auto bytes = [](std::int64_t count) { return count * static_cast<std::int64_t>(sizeof(T)); };
  for (const ParameterSpec& spec : specs_) {
    tensors_.push_back(spec.info);
    tensors_.back().offset = value_count_;
    value_count_ += align_up(spec.info.size, kTensorAlignment);
    if (spec.info.trainable) trainable_ += spec.info.size;
  }
  values_ = Slab(bytes(value_count_));
  if (optimizer_ != nullptr) {
    settings_ = settings_of(settings, *optimizer_);
    gradients_ = Slab(bytes(value_count_));
    std::int64_t state_count = 0;
    for (const std::string_view slot : optimizer_->state(settings_))
      for (const TensorInfo& tensor : tensors_) {
        if (!tensor.trainable) continue;
        state_tensors_.push_back(tensor);
        state_tensors_.back().name = std::string(slot) + "." + tensor.name;
        state_tensors_.back().offset = state_count;
        state_count += align_up(tensor.size, kTensorAlignment);
      }
    state_ = Slab(bytes(state_count));
  }
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    Parameter<T>& parameter = by_name_[tensors_[i].name];
    parameter.values = values(tensors_[i]);
    parameter.size = tensors_[i].size;
    parameter.whole = specs_[i].whole;
    if (optimizer_ == nullptr || !tensors_[i].trainable) continue;
    parameter.gradient = gradient(tensors_[i]);
    if (parameter.whole) continue;
    parameter.partial_offset = partial_size_;
    partial_size_ += align_up(parameter.size, kTensorAlignment);
  }
}

// He et al. 2015 (arXiv:1502.01852): normal, variance 2 / fan_in. Glorot & Bengio 2010: uniform within
// sqrt(6 / (fan_in + fan_out)).
template <class T>
void ParameterStore<T>::initialize(std::uint64_t seed, const std::atomic<int>* stop) {
  const auto fill = [&](T* out, std::int64_t size, auto next) {
    constexpr std::int64_t kPiece = std::int64_t{1} << 20;
    for (std::int64_t first = 0; first < size; first += kPiece) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed) != 0) return;
      for (std::int64_t j = first; j < std::min(first + kPiece, size); ++j) out[j] = static_cast<T>(next());
    }
  };
  fill(data(state_), state_.size() / static_cast<std::int64_t>(sizeof(T)), [] { return 0; });
  const std::uint64_t key = derive_key(seed, "initial weights");
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    T* out = values(tensors_[i]);
    const std::int64_t size = tensors_[i].size;
    Random random(key, i);
    switch (specs_[i].initialization) {
      case Initialization::zeros:
        fill(out, size, [] { return 0; });
        break;
      case Initialization::ones:
        fill(out, size, [] { return 1; });
        break;
      case Initialization::he_normal: {
        const double deviation = std::sqrt(2.0 / static_cast<double>(specs_[i].fan_in));
        fill(out, size, [&] { return deviation * random.normal(); });
        break;
      }
      case Initialization::xavier_uniform: {
        const double bound = std::sqrt(6.0 / static_cast<double>(specs_[i].fan_in + specs_[i].fan_out));
        fill(out, size, [&] { return bound * (2 * random.uniform() - 1); });
        break;
      }
    }
  }
}

template <class T>
bool ParameterStore<T>::finite() const {
  const T* values = reinterpret_cast<const T*>(values_.data());
  return std::all_of(values, values + value_count_, [](T value) { return std::isfinite(value); });
}

template <class T>
std::vector<UpdateSlice<T>> ParameterStore<T>::slices() {
  std::vector<UpdateSlice<T>> slices;
  for (std::size_t i = 0, trainable = 0; i < tensors_.size(); ++i) {
    const TensorInfo& tensor = tensors_[i];
    if (!tensor.trainable) continue;
    for (std::int64_t first = 0; first < tensor.size; first += kSlice) {
      UpdateSlice<T> slice;
      slice.weights = values(tensor) + first;
      slice.gradient = gradient(tensor) + first;
      slice.count = std::min(kSlice, tensor.size - first);
      slice.decay = tensor.decay;
      const std::size_t per_state = static_cast<std::size_t>(
          std::count_if(tensors_.begin(), tensors_.end(), [](const TensorInfo& t) { return t.trainable; }));
      for (std::size_t s = 0; s < state_tensors_.size() / std::max<std::size_t>(per_state, 1); ++s)
        slice.state[s] = state(state_tensors_[s * per_state + trainable]) + first;
      slices.push_back(slice);
    }
    ++trainable;
  }
  return slices;
}

template <class T>
void ParameterStore<T>::plan_update(PlanContext<T>& context, double clip_gradients) {
  const auto all = std::make_shared<const std::vector<UpdateSlice<T>>>(slices());
  // Where each slice's partial gradients start; negative: its gradient is whole already.
  const auto starts = std::make_shared<std::vector<std::int64_t>>();
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].trainable) continue;
    const Parameter<T>& parameter = by_name_.at(tensors_[i].name);
    const std::int64_t offset = context.whole_batch(parameter) ? -1 : parameter.partial_offset;
    for (std::int64_t first = 0; first < tensors_[i].size; first += kSlice)
      starts->push_back(offset < 0 ? -1 : offset + first);
  }
  const auto count = static_cast<std::int64_t>(all->size());
  const KernelTable<T>& kernels = context.kernels();
  Slot<T>* partials = context.partials();
  const auto add_up = [=, sum = kernels.sum_partials, stride = partial_size_,
                       chunks = context.partition().chunks](std::size_t i) {
    if ((*starts)[i] < 0) return;
    sum(partials->base + (*starts)[i], stride, chunks, const_cast<T*>((*all)[i].gradient), (*all)[i].count);
  };
  const auto update = [=, &kernels, settings = settings_, apply = optimizer_->template update<T>()](
                          const Task& task, UpdateSlice<T> slice, double scale) {
    slice.gradient_scale = static_cast<T>(scale);
    apply(kernels, settings, task.state->learning_rate, task.state->step, slice);
  };
  // What layers have written aside comes last: these are small.
  const auto plan_last = [&](std::initializer_list<Slot<T>*> uses, const auto& run) {
    context.program().begin_lasting();
    context.program().tasks("update", uses, count + static_cast<std::int64_t>(context.updates().size()),
                            [=, others = context.updates()](const Task& task) {
                              if (task.index < count)
                                run(task, static_cast<std::size_t>(task.index));
                              else
                                others[static_cast<std::size_t>(task.index - count)]();
                            });
  };
  if (clip_gradients <= 0) {
    plan_last({partials}, [=](const Task& task, std::size_t i) {
      add_up(i);
      update(task, (*all)[i], 1);
    });
    return;
  }
  const auto squares = std::make_shared<std::vector<double>>(all->size());
  context.program().tasks("gradient_norm", {partials}, count,
                          [=, sum_of_squares = kernels.sum_of_squares](const Task& task) {
                            const auto i = static_cast<std::size_t>(task.index);
                            add_up(i);
                            (*squares)[i] = sum_of_squares((*all)[i].gradient, (*all)[i].count);
                          });
  plan_last({}, [=](const Task& task, std::size_t i) {
    double norm = 0;
    for (const double square : *squares) norm += square;
    norm = std::sqrt(norm);
    update(task, (*all)[i], norm > clip_gradients ? clip_gradients / norm : 1);
  });
}

template class ParameterStore<float>;
template class ParameterStore<double>;

}  // namespace hone
