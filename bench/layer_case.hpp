// One pass of one layer as a program of its own: the engine's kernels, its layout, its partition into tasks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/parallel.hpp"
#include "engine/base/rng.hpp"
#include "engine/graph/program.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {

enum class Pass { forward, backward_data, backward_weights };
inline constexpr std::array kPasses{Pass::forward, Pass::backward_data, Pass::backward_weights};
std::string to_string(Pass pass);  // as in the names of cases: fwd, bwd_data, bwd_weights

// A value an image as the engine lays it out. The only place of the benches that knows how.
struct Images {
  Slot<float>* slot = nullptr;
  std::int64_t count = 0, size = 0, lanes = 1;

  // Value number i, of (C, H, W), of image n.
  float& at(std::int64_t n, std::int64_t i) const { return slot->base[(n / lanes * size + i) * lanes + n % lanes]; }
  // Uniform in [-1, 1); lanes beyond the last image stay zero.
  void fill(std::uint64_t seed) const;
};

// Something that is timed and whose result can be checked.
class LayerCase {
 public:
  LayerCase(std::int64_t images, int threads, bool evaluation = false);
  virtual ~LayerCase() = default;
  LayerCase(const LayerCase&) = delete;
  LayerCase& operator=(const LayerCase&) = delete;

  void run() noexcept;
  // After run(): empty, or the first of the sampled results that is wrong, compared with a computation in double.
  virtual std::string check() = 0;
  // Runs and checks; throws Error(internal) where the result is wrong.
  void verify(const std::string& name);

  double flops() const { return flops_; }  // of one run; 0 where bytes are what counts
  double bytes() const { return bytes_; }  // read and written, each tensor once

 protected:
  Images images(std::int64_t size);
  Images images(Slot<float>* slot, std::int64_t size);
  Slot<float>* whole(std::int64_t size);
  // Gradients of a few weights: one a chunk of images, which add_up() sums in the order of the chunks.
  Slot<float>* per_chunk(std::int64_t size);
  void add_up(Slot<float>* partials, Slot<float>* sum);
  // Gives all of them their memory, zeroed.
  void allocate();
  // What a step does after weights have changed.
  void prepare() noexcept;

  bool evaluation_;
  const KernelTable<float>& kernels_;
  std::int64_t count_;  // images
  Program<float> program_;
  double flops_ = 0, bytes_ = 0;

 private:
  Slot<float>* kept(Slot<float>* slot);

  Team team_;
  Batch batch_;
  StepState state_;
  std::vector<Slot<float>*> slots_;
  Slab memory_;
};

// A result of a kernel against sums in double: `magnitude` is the sum of the absolute values of what was added up.
struct Expected {
  double value = 0, magnitude = 0;
  void add(double a, double b) {
    value += a * b;
    magnitude += a * b < 0 ? -(a * b) : a * b;
  }
};

// Empty, or what is wrong with got[index].
std::string compare(const char* what, std::int64_t index, float got, const Expected& expected);

// Places 0 .. count - 1 to look at: the first, the last, and others at random.
std::vector<std::int64_t> sample(std::int64_t count, std::int64_t most, std::uint64_t seed);

void fill_random(float* values, std::int64_t count, std::uint64_t seed);

std::unique_ptr<LayerCase> make_case(const ConvShape& shape, std::int64_t images, Pass pass, int threads);
std::unique_ptr<LayerCase> make_case(const DenseShape& shape, std::int64_t images, Pass pass, int threads);
// There are no weights.
std::unique_ptr<LayerCase> make_case(const PoolShape& shape, std::int64_t images, Pass pass, int threads);

}  // namespace hone::bench
