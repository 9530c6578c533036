#include "engine/graph/plan_context.hpp"

#include <algorithm>

#include "engine/graph/layer_type.hpp"

namespace hone {

template <class T>
PlanContext<T>::PlanContext(Program<T>& program, const KernelTable<T>& kernels,
                            std::map<std::string, Parameter<T>>& parameters, std::map<std::string, Slab>& persistent,
                            std::vector<LayerInfo>& layers, bool training, std::uint64_t seed,
                            std::int64_t macs_at_a_time)
    : program_(program),
      kernels_(kernels),
      parameters_(parameters),
      persistent_(persistent),
      layers_(layers),
      training_(training),
      seed_(seed),
      macs_at_a_time_(macs_at_a_time) {}

template <class T>
Value<T>* PlanContext<T>::plan(const std::vector<Component>& layers, Value<T>* in, const std::string& prefix) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    in = find_layer_type(layers[i].type)->plan(*this, layers[i], in, prefix + "layers." + std::to_string(i));
  return in;
}

template <class T>
std::int64_t PlanContext<T>::at_a_time(std::int64_t items, std::int64_t tile, double macs) const {
  const double share = static_cast<double>(macs_at_a_time_) / std::max(macs, 1.0);
  if (share >= 1) return items;
  return std::max(tile, static_cast<std::int64_t>(static_cast<double>(items) * share) / tile * tile);
}

template <class T>
Value<T>* PlanContext<T>::value(Shape shape) {
  values_.push_back(std::make_unique<Value<T>>());
  Value<T>* value = values_.back().get();
  value->shape = shape;
  value->data = images(shape.size());
  value->needs_diff = true;
  return value;
}

template <class T>
Parameter<T>* PlanContext<T>::parameter(const std::string& name) {
  const auto found = parameters_.find(name);
  return found == parameters_.end() ? nullptr : &found->second;
}

template <class T>
T* PlanContext<T>::persistent(const std::string& name, std::int64_t size) {
  Slab& slab = persistent_[name + " for " + kernels_.name + std::to_string(kernels_.lanes)];
  const auto bytes = size * static_cast<std::int64_t>(sizeof(T));
  if (slab.size() < bytes) slab = Slab(bytes);
  return reinterpret_cast<T*>(slab.data());
}

template <class T>
void PlanContext<T>::add_diff(Value<T>* value, const std::function<void(Slot<T>*)>& emit) {
  if (!value->needs_diff) return;
  Slot<T>* slot = images(value->shape.size());
  emit(slot);
  add_existing_diff(value, slot);
}

template <class T>
void PlanContext<T>::add_existing_diff(Value<T>* value, Slot<T>* diff) {
  if (!value->needs_diff) return;
  if (value->pooled) {  // it is not the only reader
    value->diff = plan_max_pool_backward(*value->pooled);
    value->pooled.reset();
  }
  if (value->diff == nullptr) {
    value->diff = diff;
    return;
  }
  Slot<T>* sum = images(value->shape.size());
  program_.over_images(
      "add", {value->diff, diff, sum},
      [a = value->diff, b = diff, sum, size = value->shape.size() * partition().lanes,
       add = kernels_.add](const Task& task) { add(a->at(task), b->at(task), sum->at(task), size * task.blocks); });
  value->diff = sum;
}

template <class T>
void PlanContext<T>::add_pooled_diff(Value<T>* value, const typename Value<T>::Pooled& pooled) {
  if (!value->needs_diff) return;
  if (value->diff == nullptr && !value->pooled && value->accepts_pooled && value->accepts_pooled(pooled.shape))
    value->pooled = pooled;
  else
    add_existing_diff(value, plan_max_pool_backward(pooled));
}

template <class T>
Slot<T>* PlanContext<T>::plan_max_pool_backward(const typename Value<T>::Pooled& pooled) {
  Slot<T>* diff_src = images(pooled.shape.src_size());
  program_.over_images("max_pool_backward", {pooled.diff, pooled.argmax, diff_src},
                       [pooled, diff_src, kernel = kernels_.max_pool_backward](const Task& task) {
                         kernel(pooled.shape, pooled.diff->at(task), pooled.argmax->at(task), diff_src->at(task),
                                task.blocks);
                       });
  return diff_src;
}

template <class T>
void PlanContext<T>::plan_backward() {
  while (!backward_.empty()) {
    const auto plan = std::move(backward_.back());
    backward_.pop_back();
    plan();
  }
}

template <class T>
void PlanContext<T>::describe_kernel(const std::string& path, const std::string& kernel) {
  for (LayerInfo& layer : layers_)
    if (layer.path == path) layer.kernel = kernel;
}

template class PlanContext<float>;
template class PlanContext<double>;

}  // namespace hone
