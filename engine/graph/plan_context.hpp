// What a layer's plan() works with: values, slots for them, and the program under construction.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/infer.hpp"
#include "engine/graph/program.hpp"
#include "engine/kernels/table.hpp"

namespace hone {

// What flows between layers: [blocks][C][H][W][lanes], and its gradient once the backward pass is planned.
template <class T>
struct Value {
  Shape shape;
  Slot<T>* data = nullptr;
  bool needs_diff = false;  // false for the network's input
  Slot<T>* diff = nullptr;  // never changed by those who read it

  // Where its only reader is a max_pool, its gradient is mostly zeros. A layer that can use that says for which pools.
  std::function<bool(const PoolShape&)> accepts_pooled;
  struct Pooled {
    PoolShape shape;
    Slot<T>*argmax = nullptr, *data = nullptr, *diff = nullptr;  // of the pool
  };
  std::optional<Pooled> pooled;  // the gradient, instead of `diff`
};

// A parameter of the network. Layers with few weights compute a gradient for each chunk of images, in `partial`, which
// the update adds up in the order of the chunks; layers with many write `gradient` itself. See
// PlanContext::whole_batch.
template <class T>
struct Parameter {
  T* values = nullptr;
  T* gradient = nullptr;
  std::int64_t size = 0;
  bool whole = false;
  std::int64_t partial_offset = -1;  // within a chunk's partial gradients, unless whole
};

template <class T>
class PlanContext {
 public:
  PlanContext(Program<T>& program, const KernelTable<T>& kernels, std::map<std::string, Parameter<T>>& parameters,
              std::map<std::string, Slab>& persistent, std::vector<LayerInfo>& layers, bool training,
              std::uint64_t seed, std::int64_t macs_at_a_time);

  const KernelTable<T>& kernels() const { return kernels_; }
  Program<T>& program() { return program_; }
  const Partition& partition() const { return program_.partition(); }
  bool training() const { return training_; }
  std::uint64_t seed() const { return seed_; }
  std::int64_t macs_at_a_time() const { return macs_at_a_time_; }
  // Of `items` that take `macs` multiply-adds together, how many an op does at a time before it looks whether the run
  // is given up: a whole number of tiles.
  std::int64_t at_a_time(std::int64_t items, std::int64_t tile, double macs) const;

  // Output of `layers` planned one after another.
  Value<T>* plan(const std::vector<Component>& layers, Value<T>* in, const std::string& prefix);

  Value<T>* value(Shape shape);
  Slot<T>* images(std::int64_t size) { return program_.add_slot(Slot<T>::Kind::images, size); }
  Slot<T>* per_chunk(std::int64_t size) { return program_.add_slot(Slot<T>::Kind::per_chunk, size); }
  Slot<T>* per_thread(std::int64_t size) { return program_.add_slot(Slot<T>::Kind::per_thread, size); }
  Slot<T>* whole(std::int64_t size) { return program_.add_slot(Slot<T>::Kind::whole, size); }

  // Null where the layer has none of that name.
  Parameter<T>* parameter(const std::string& name);
  // Whether a parameter's gradient is computed over the whole batch at once.
  bool whole_batch(const Parameter<T>& parameter) const { return parameter.whole || partition().single_images(); }
  // `size` values that stay and that all programs of the network with these kernels share: packed weights.
  T* persistent(const std::string& name, std::int64_t size);
  // Runs before a step whenever weights have changed: packing. Jobs run at the same time as each other.
  void prepare(std::function<void()> job) { program_.prepare(std::move(job)); }

  // What a step changes besides the weights: runs together with their update, so that a step that is given up before
  // has changed nothing. Jobs run at the same time as each other.
  void on_update(std::function<void()> job) { updates_.push_back(std::move(job)); }
  const std::vector<std::function<void()>>& updates() const { return updates_; }

  // Called in reverse order once the loss is planned; only in training.
  void on_backward(std::function<void()> plan) { backward_.push_back(std::move(plan)); }
  // Lets `emit` write a gradient of `value` into a slot; where another consumer has written one already, adds it.
  void add_diff(Value<T>* value, const std::function<void(Slot<T>*)>& emit);
  // Makes `diff`, which is a gradient of `value` as it is, (part of) the gradient.
  void add_existing_diff(Value<T>* value, Slot<T>* diff);
  // The gradient of what a max_pool reads.
  void add_pooled_diff(Value<T>* value, const typename Value<T>::Pooled& pooled);
  void plan_backward();

  // Gradients of each chunk of images, see Parameter.
  Slot<T>* partials() const { return partials_; }
  void set_partials(Slot<T>* slot) { partials_ = slot; }

  void describe_kernel(const std::string& path, const std::string& kernel);

 private:
  Slot<T>* plan_max_pool_backward(const typename Value<T>::Pooled& pooled);

  Program<T>& program_;
  const KernelTable<T>& kernels_;
  std::map<std::string, Parameter<T>>& parameters_;
  std::map<std::string, Slab>& persistent_;
  std::vector<LayerInfo>& layers_;
  bool training_;
  std::uint64_t seed_;
  std::int64_t macs_at_a_time_;
  Slot<T>* partials_ = nullptr;
  std::vector<std::unique_ptr<Value<T>>> values_;
  std::vector<std::function<void()>> backward_, updates_;
};

extern template class PlanContext<float>;
extern template class PlanContext<double>;

}  // namespace hone
