// Every kernel of one ISA, as function pointers. A table starts full of reference kernels and faster ones overwrite
// them: there is never a hole. Layout of activations: shapes.hpp. All kernels are noexcept and allocate nothing.
//
// Tensors of several blocks are contiguous: block stride = values of one image * lanes. "valid" is the number of images
// that are real, counted from the first lane of the first block. crew: threads that may help with a kernel that takes
// long.
#pragma once

#include <cstdint>

#include "engine/base/crew.hpp"
#include "engine/kernels/shapes.hpp"

namespace hone {

// Image of the batch number `first + lane`, bytes or floats in [C][H * W], becomes (value - mean[c]) * scale[c].
template <class T>
struct LoadArgs {
  std::int64_t channels = 0, pixels = 0;  // pixels: H * W
  const T* mean = nullptr;                // [channels]
  const T* scale = nullptr;
};

struct DropoutArgs {
  std::uint32_t threshold = 0;  // a value is dropped where its random 32 bits are below
  double scale = 1;             // of the values that stay
};

template <class T>
struct LossArgs {
  std::int64_t classes = 0;
  T smoothing = 0;
  T weight = 1;  // of an image in the gradient: 1 / images of the batch
};

template <class T>
struct SgdArgs {
  T learning_rate, momentum, weight_decay;
  bool nesterov;
};

template <class T>
struct AdamArgs {
  T learning_rate, beta1, beta2, eps;
  T coupled_decay;             // added to the gradient
  T decoupled_decay;           // learning_rate * weight_decay, taken off the weight
  T correction1, correction2;  // 1 / (1 - beta^t)
};

// src * scale[c] + shift[c].
template <class T>
struct Scaling {
  const T* scale = nullptr;
  const T* shift = nullptr;

  explicit operator bool() const { return scale != nullptr; }
};

// The tensors of a convolution followed by a max_pool, see ConvPoolPlan.
template <class T>
struct ConvPoolArgs {
  const T* src = nullptr;      // of the convolution
  const T* weights = nullptr;  // (K, C, R, S)
  const T* packed = nullptr;
  const T* argmax = nullptr;    // of the pool
  const T* dst = nullptr;       // of the pool where the convolution ends in max(0, .), else null
  const T* diff_dst = nullptr;  // of the pool
  T* diff_weights = nullptr;    // overwritten
  T* diff_bias = nullptr;       // overwritten; may be null
  T* diff_src = nullptr;        // overwritten; null unless the plan wants it
  T* scratch = nullptr;         // plan.scratch values of the calling thread
};

template <class T>
struct KernelTable {
  const char* name;
  std::int64_t lanes;

  // Chooses tiles and sizes of packed weights.
  void (*conv_prepare)(ConvPlan& plan);
  // weights (K, C/groups, R, S) -> packed forms; a null target is skipped.
  void (*conv_pack)(const ConvPlan&, const T* weights, T* packed, T* packed_backward) noexcept;
  // dst = conv(src) + bias, then max(0, .) where relu. bias may be null.
  void (*conv_forward)(const ConvPlan&, const T* src, const T* weights, const T* packed, const T* bias, bool relu,
                       T* dst, std::int64_t blocks, Crew& crew) noexcept;
  void (*conv_backward_data)(const ConvPlan&, const T* diff_dst, const T* weights, const T* packed_backward,
                             T* diff_src, std::int64_t blocks, Crew& crew) noexcept;
  // Gradients of output channels [k_begin, k_end) (a whole number of plan.weight_tile), summed over `blocks`.
  // Overwrites. diff_bias may be null. scratch: plan.weights_scratch values of the calling thread.
  void (*conv_backward_weights)(const ConvPlan&, const T* src, const T* diff_dst, T* diff_weights, T* diff_bias,
                                std::int64_t blocks, std::int64_t k_begin, std::int64_t k_end, T* scratch,
                                Crew& crew) noexcept;

  // Sizes for a plan that is possible(). Returns whether it is faster than the kernels above with max_pool_backward.
  bool (*conv_pool_prepare)(ConvPoolPlan& plan);
  void (*conv_pool_pack)(const ConvPoolPlan&, const T* weights, T* packed) noexcept;
  // Gradients of weights and bias, summed over `blocks`, and of the input.
  void (*conv_pool_backward)(const ConvPoolPlan&, const ConvPoolArgs<T>&, std::int64_t blocks, Crew& crew) noexcept;

  // dst[o] = sum over i of weights[o][i] src[i] + bias[o] for outputs [begin, end).
  void (*dense_forward)(const DenseShape&, const T* src, const T* weights, const T* bias, bool relu, T* dst,
                        std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept;
  // Inputs [begin, end).
  void (*dense_backward_data)(const DenseShape&, const T* diff_dst, const T* weights, T* diff_src, std::int64_t blocks,
                              std::int64_t begin, std::int64_t end) noexcept;
  // src -> the order in which dense_backward_weights reads it, shape.padded_in() values an image.
  void (*dense_transpose)(const DenseShape&, const T* src, T* transposed, std::int64_t blocks) noexcept;
  // Outputs [begin, end), summed over blocks. Overwrites. diff_bias may be null.
  void (*dense_backward_weights)(const DenseShape&, const T* transposed, const T* diff_dst, T* diff_weights,
                                 T* diff_bias, std::int64_t blocks, std::int64_t begin, std::int64_t end) noexcept;

  // argmax: number of the winning tap of each window, as a value of type T; may be null.
  void (*max_pool_forward)(const PoolShape&, const T* src, T* dst, T* argmax, std::int64_t blocks) noexcept;
  void (*max_pool_backward)(const PoolShape&, const T* diff_dst, const T* argmax, T* diff_src,
                            std::int64_t blocks) noexcept;
  void (*avg_pool_forward)(const PoolShape&, const T* src, T* dst, std::int64_t blocks) noexcept;
  void (*avg_pool_backward)(const PoolShape&, const T* diff_dst, T* diff_src, std::int64_t blocks) noexcept;

  void (*activation_forward)(Activation, const T* src, T* dst, std::int64_t count) noexcept;
  // src may be null unless needs_input(), dst may be null if needs_input().
  void (*activation_backward)(Activation, const T* src, const T* dst, const T* diff_dst, T* diff_src,
                              std::int64_t count) noexcept;
  void (*add)(const T* a, const T* b, T* dst, std::int64_t count) noexcept;
  // keys: two words a lane. Value number i of lane l stays or goes by hash(keys[l], i). Serves both directions.
  void (*dropout)(const DropoutArgs&, const T* src, const std::uint32_t* keys, T* dst, std::int64_t count) noexcept;

  // Mean and sum of squared distances from it, of each channel over the valid images: moments[c] = {mean, m2}.
  void (*batch_norm_moments)(std::int64_t channels, std::int64_t pixels, const T* src, T* moments, std::int64_t blocks,
                             std::int64_t valid) noexcept;
  // dst = scaling of src, then max(0, .) where relu.
  void (*batch_norm_apply)(std::int64_t channels, std::int64_t pixels, const T* src, Scaling<T>, bool relu, T* dst,
                           std::int64_t blocks) noexcept;
  // sums[c] = {sum of diff_dst, sum of diff_dst * (src - mean[c])}. cut: where its scaling of src is not above zero,
  // diff_dst counts as zero, since max(0, .) follows; without scale nothing follows.
  void (*batch_norm_backward_sums)(std::int64_t channels, std::int64_t pixels, const T* src, const T* diff_dst,
                                   Scaling<T> cut, const T* mean, T* sums, std::int64_t blocks) noexcept;
  // diff_src = a[c] diff_dst + b[c] src + d[c], zero for images that are not valid.
  void (*batch_norm_backward_apply)(std::int64_t channels, std::int64_t pixels, const T* src, const T* diff_dst,
                                    Scaling<T> cut, const T* a, const T* b, const T* d, T* diff_src,
                                    std::int64_t blocks, std::int64_t valid) noexcept;

  // One block: loss and 0 / 1 for right of each lane, and the gradient of the logits (may be null), zero for lanes from
  // `valid` on.
  void (*softmax_cross_entropy)(const LossArgs<T>&, const T* logits, const std::int32_t* labels, std::int64_t valid,
                                T* loss, T* correct, T* diff_logits) noexcept;

  // One block from bytes: image i of `valid` at src + i * channels * pixels; lanes from `valid` on become zero.
  void (*load_bytes)(const LoadArgs<T>&, const std::uint8_t* src, std::int64_t valid, T* dst) noexcept;

  // Flat passes over parameters.
  void (*sum_partials)(const T* partials, std::int64_t stride, std::int64_t partial_count, T* dst,
                       std::int64_t count) noexcept;
  double (*sum_of_squares)(const T* src, std::int64_t count) noexcept;
  // velocity may be null where momentum is 0. gradient_scale multiplies the gradient first (clipping).
  void (*sgd)(const SgdArgs<T>&, T* weights, const T* gradient, T gradient_scale, T* velocity,
              std::int64_t count) noexcept;
  void (*adam)(const AdamArgs<T>&, T* weights, const T* gradient, T gradient_scale, T* first, T* second,
               std::int64_t count) noexcept;
};

}  // namespace hone
