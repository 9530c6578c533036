// A network's parameters: all values in one slab, all gradients in another, optimizer state in a third, each tensor at
// an aligned place.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "engine/base/arena.hpp"
#include "engine/graph/infer.hpp"
#include "engine/graph/optimizer_type.hpp"
#include "engine/graph/plan_context.hpp"

namespace hone {

template <class T>
class ParameterStore {
 public:
  // optimizer null: no gradients and no state.
  ParameterStore(const std::vector<ParameterSpec>& specs, const OptimizerType* optimizer, const Component& settings);

  // stop: once not 0, the rest is left undone; may be null.
  void initialize(std::uint64_t seed, const std::atomic<int>* stop);

  std::map<std::string, Parameter<T>>& by_name() { return by_name_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::vector<TensorInfo>& optimizer_tensors() const { return state_tensors_; }
  T* values(const TensorInfo& tensor) { return data(values_) + tensor.offset; }
  T* gradient(const TensorInfo& tensor) { return data(gradients_) + tensor.offset; }
  T* state(const TensorInfo& tensor) { return data(state_) + tensor.offset; }
  std::int64_t trainable() const { return trainable_; }
  std::int64_t bytes() const { return values_.size() + gradients_.size() + state_.size(); }
  // Values of a chunk's partial gradients.
  std::int64_t partial_size() const { return partial_size_; }
  bool finite() const;

  // Appends the phases that add up partial gradients and update the weights.
  void plan_update(PlanContext<T>& context, double clip_gradients);

 private:
  static T* data(Slab& slab) { return reinterpret_cast<T*>(slab.data()); }
  std::vector<UpdateSlice<T>> slices();

  std::vector<ParameterSpec> specs_;
  const OptimizerType* optimizer_;
  OptimizerSettings settings_{};
  std::vector<TensorInfo> tensors_, state_tensors_;
  std::map<std::string, Parameter<T>> by_name_;
  Slab values_, gradients_, state_;
  std::int64_t value_count_ = 0, partial_size_ = 0, trainable_ = 0;
};

extern template class ParameterStore<float>;
extern template class ParameterStore<double>;

}  // namespace hone
