// A network that is ready to run: planned once (may throw), then steps that neither allocate nor throw.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/component.hpp"
#include "engine/base/shape.hpp"
#include "engine/graph/model_spec.hpp"

namespace hone {

class Team;  // engine/base/parallel.hpp

// A named tensor of the network: a weight, a running statistic, or a piece of optimizer state.
struct TensorInfo {
  std::string name;                 // as PyTorch names it: layers.0.weight, layers.0.bn.running_mean ...
  std::vector<std::int64_t> shape;  // as PyTorch has it: (K, C/groups, R, S), (out, in), (n)
  std::int64_t offset = 0;          // of its first element among the network's values
  std::int64_t size = 0;            // elements
  bool trainable = true;            // false: running statistics
  bool decay = false;               // weight decay applies
};

// One row of `hone inspect`.
struct LayerInfo {
  std::string path;  // layers.0, layers.3.layers.1 ...
  std::string type;  // conv, dense ...
  Shape output;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;              // multiply-adds an image, forward
  std::string kernel;                 // what computes it
  std::int64_t activation_bytes = 0;  // an image's output
};

// Fills `dst` (C x H x W, values 0..255) with image `index` of the batch, changed as training wants it. Called from any
// thread of the team, at the same time for different images.
struct Augmenter {
  virtual ~Augmenter() = default;
  virtual void apply(const std::uint8_t* src, std::uint32_t id, std::uint64_t epoch, float* dst) const noexcept = 0;
};

struct Batch {
  std::int64_t size = 0;
  const std::uint8_t* pixels = nullptr;  // [size][C][H][W]
  const std::int32_t* labels = nullptr;  // [size]
  const std::uint32_t* ids =
      nullptr;  // [size], the images' stable indices: keys of every random choice. May be null in evaluation
  const Augmenter* augmenter = nullptr;  // null: the pixels as they are
};

struct NetworkOptions {
  std::int64_t classes = 0;  // what the last layer must give; 0: not checked
  bool training = true;      // false: only evaluate() can be called, less memory
  std::int64_t batch_size = 64;
  std::int64_t last_batch_size = 0;  // the epoch's smaller last batch; 0: there is none
  std::int64_t evaluation_batch_size = 256;
  Component optimizer;  // type and options (engine/optim)
  double label_smoothing = 0;
  double clip_gradients = 0;       // largest global norm; 0: off
  std::uint64_t seed = 0;          // of dropout
  int threads = 0;                 // largest team that will run it; 0: available_threads()
  std::string isa;                 // kernels to use, as `hone info` names them; empty: the best of the machine
  std::vector<float> mean, scale;  // per channel: input = (byte - mean) * scale; empty: 0 and 1
  // Looked at while the network is initialized, trained or evaluated: once it is not 0, that is given up.
  const std::atomic<int>* stop = nullptr;
  std::int64_t macs_at_a_time = std::int64_t{1} << 32;  // of a thread, about, between two looks at `stop`
};

struct StepResult {
  double loss = 0;           // mean over the batch
  std::int64_t correct = 0;  // images classified rightly, before the update
  bool given_up = false;     // see NetworkOptions::stop: the network is as if the step had not begun
};

struct EvaluationResult {
  double loss_sum = 0;  // over the images, without label smoothing
  std::int64_t correct = 0;
  bool given_up = false;  // see NetworkOptions::stop: there is no result
};

// What one op of a program has taken so far.
struct OpTime {
  std::string name;
  double seconds = 0;  // of all threads together
};

template <class T>
class Network {
 public:
  // Throws Error(config) with the layer's place where shapes are impossible or memory does not suffice.
  Network(const ModelSpec& model, const NetworkOptions& options);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  // Initial weights from `seed`, running statistics 0 and 1, optimizer state 0. Where it was given up, see
  // NetworkOptions::stop, they are anything.
  void initialize(std::uint64_t seed);

  // One step of training on batch.size images: batch_size or last_batch_size. `step` counts from 0 over the whole run.
  StepResult train_step(const Batch& batch, double learning_rate, std::uint64_t epoch, std::uint64_t step,
                        Team& team) noexcept;
  // batch.size <= evaluation_batch_size. Writes [size][classes] to logits where it is not null.
  EvaluationResult evaluate(const Batch& batch, float* logits, Team& team) noexcept;

  // Weights and running statistics, in the order of the layers; their values.
  std::span<const TensorInfo> tensors() const;
  std::span<T> values(const TensorInfo& tensor);
  std::span<const T> values(const TensorInfo& tensor) const;
  // Optimizer state, named <slot>.<tensor>: momentum.layers.0.weight ...; and its values.
  std::span<const TensorInfo> optimizer_tensors() const;
  std::span<T> optimizer_values(const TensorInfo& tensor);
  std::span<const T> optimizer_values(const TensorInfo& tensor) const;
  // Of the last train_step(), in tensors() order (trainable ones only), before the update: for tests.
  std::span<const T> gradient(const TensorInfo& tensor) const;

  // From now on steps note how long each op takes; for benches. Seconds so far, in the order of a step on a whole
  // batch: of training where the network trains, else of evaluation.
  void time_ops();
  std::vector<OpTime> op_times() const;

  // True where every weight and running statistic is finite.
  bool finite() const;

  std::span<const LayerInfo> layers() const;
  std::int64_t parameters() const;      // trainable values
  std::int64_t macs_per_image() const;  // forward
  std::int64_t arena_bytes() const;
  bool convolutional() const;  // kind: cnn or dense
  Shape input() const;
  std::int64_t classes() const;
  std::uint64_t plan_hash() const;  // of shapes, layouts and kernels: equal plans compute bitwise the same

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class Network<float>;
extern template class Network<double>;

}  // namespace hone
