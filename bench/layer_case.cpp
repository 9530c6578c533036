#include "bench/layer_case.hpp"

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"

namespace hone::bench {

std::string to_string(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "fwd";
    case Pass::backward_data:
      return "bwd_data";
    case Pass::backward_weights:
      break;
  }
  return "bwd_weights";
}

void fill_random(float* values, std::int64_t count, std::uint64_t seed) {
  Random random(derive_key(seed, "bench"), 0);
  for (std::int64_t i = 0; i < count; ++i) values[i] = 2 * random.uniform_float() - 1;
}

void Images::fill(std::uint64_t seed) const {
  Random random(derive_key(seed, "bench"), 0);
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t i = 0; i < size; ++i) at(n, i) = 2 * random.uniform_float() - 1;
}

LayerCase::LayerCase(std::int64_t images, int threads, bool evaluation)
    : evaluation_(evaluation),
      kernels_(kernel_table_for<float>(images)),
      count_(images),
      program_(Partition::make(images, kernels_.lanes, !evaluation), threads),
      team_(threads) {
  batch_.size = images;
  state_.batch = &batch_;
  state_.blocks = program_.partition().blocks;
}

Slot<float>* LayerCase::kept(Slot<float>* slot) {
  slots_.push_back(slot);
  return slot;
}

Images LayerCase::images(std::int64_t size) { return images(program_.add_slot(Slot<float>::Kind::images, size), size); }

Images LayerCase::images(Slot<float>* slot, std::int64_t size) { return {kept(slot), count_, size, kernels_.lanes}; }

Slot<float>* LayerCase::whole(std::int64_t size) { return kept(program_.add_slot(Slot<float>::Kind::whole, size)); }

Slot<float>* LayerCase::per_chunk(std::int64_t size) {
  return kept(program_.add_slot(Slot<float>::Kind::per_chunk, size));
}

void LayerCase::add_up(Slot<float>* partials, Slot<float>* sum) {
  constexpr std::int64_t kSlice = 8192;  // values a task, as the engine's update has it
  const std::int64_t size = sum->size, chunks = program_.partition().chunks;
  program_.tasks("sum_partials", {partials, sum}, (size + kSlice - 1) / kSlice,
                 [=, kernel = kernels_.sum_partials](const Task& task) {
                   const std::int64_t first = task.index * kSlice;
                   kernel(partials->base + first, partials->size, chunks, sum->base + first,
                          std::min(kSlice, size - first));
                 });
}

void LayerCase::allocate() {
  for (Slot<float>* slot : slots_) program_.keep(slot);
  memory_ = Slab(program_.assign());
  program_.place(memory_.data());
}

void LayerCase::prepare() noexcept { program_.run(state_, true, team_); }

void LayerCase::run() noexcept { program_.run(state_, false, team_); }

void LayerCase::verify(const std::string& name) {
  run();
  if (const std::string wrong = check(); !wrong.empty())
    throw Error(ErrorKind::internal, name + " computes a wrong result: " + wrong);
}

std::string compare(const char* what, std::int64_t index, float got, const Expected& expected) {
  // Sums in float differ by far less; a tap that is left out or counted twice, by more.
  constexpr double kTolerance = 4e-6;
  const double value = static_cast<double>(got);
  if (std::abs(value - expected.value) <= kTolerance * expected.magnitude + 1e-6) return {};
  return std::string(what) + "[" + std::to_string(index) + "] is " + std::to_string(value) + "; expected " +
         std::to_string(expected.value);
}

std::vector<std::int64_t> sample(std::int64_t count, std::int64_t most, std::uint64_t seed) {
  std::vector<std::int64_t> places;
  if (count <= most) {
    for (std::int64_t i = 0; i < count; ++i) places.push_back(i);
    return places;
  }
  Random random(derive_key(seed, "bench samples"), 0);
  places = {0, count - 1};
  while (static_cast<std::int64_t>(places.size()) < most)
    places.push_back(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count))));
  return places;
}

}  // namespace hone::bench
