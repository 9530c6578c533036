// What kernels are told about the operation: plain sizes, decided at plan time.
//
// Layout of every activation: images innermost. A block holds `lanes` images, lanes being the width of the ISA's
// vector; a tensor of N images is [ceil(N / lanes)][C][H][W][lanes]. Channel counts are never padded, a pixel's
// neighbours are whole vectors, and with lanes = 1 (the reference kernels) it is plain NCHW. Lanes beyond the last
// image hold numbers that nothing reads; their gradients are zero.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hone {

enum class Activation { none, relu, leaky_relu, relu6, elu, gelu, silu, sigmoid, tanh, softplus };

// Whether the derivative needs the activation's input; the others manage with the output.
inline constexpr bool needs_input(Activation a) { return a == Activation::gelu || a == Activation::silu; }

struct ConvShape {
  std::int64_t c = 0, h = 0, w = 0;          // input of one image
  std::int64_t k = 0, out_h = 0, out_w = 0;  // output of one image
  std::int64_t r = 0, s = 0;                 // kernel
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_h = 0, pad_w = 0;  // before the first row, the first column
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;

  std::int64_t group_c() const { return c / groups; }
  std::int64_t group_k() const { return k / groups; }
  std::int64_t weights() const { return k * group_c() * r * s; }
  std::int64_t src_size() const { return c * h * w; }
  std::int64_t dst_size() const { return k * out_h * out_w; }
  std::int64_t macs() const { return weights() * out_h * out_w; }
};

struct PoolShape {
  std::int64_t c = 0, h = 0, w = 0;
  std::int64_t out_h = 0, out_w = 0;
  std::int64_t size_h = 0, size_w = 0;
  std::int64_t stride_h = 0, stride_w = 0;
  std::int64_t pad_h = 0, pad_w = 0;

  std::int64_t src_size() const { return c * h * w; }
  std::int64_t dst_size() const { return c * out_h * out_w; }
};

struct DenseShape {
  std::int64_t in = 0, out = 0;

  // Values of an image in the transposed input that the weights' gradient reads: an odd number of cache lines, so that
  // what several images have for the same inputs spreads over the first cache.
  std::int64_t padded_in() const { return ((in + 15) / 16 | 1) * 16; }
};

// Outputs along one axis that use the same taps. Output number i of the run is at out_first + i * out_step; its tap
// number j (of `taps`) is kernel index tap_first + j * tap_step and reads src_first + i * src_step + j * src_tap_step.
// Backward the kernel is turned round: index 0 is its last tap.
struct AxisRun {
  std::int64_t out_first = 0, out_step = 1, count = 0;
  std::int64_t src_first = 0, src_step = 1, src_tap_step = 1;
  std::int64_t tap_first = 0, tap_step = 1, taps = 0;
  bool lacks_first = false, lacks_last = false;  // the first output, its first tap; the last output, its last tap
};

// Runs of an axis of a convolution: taps that would read padding are left out.
std::vector<AxisRun> forward_runs(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t pad, std::int64_t dilation);
// The same for the gradient of the input: its outputs are the positions of the input, its sources those of the output's
// gradient. With a stride, positions fall into classes that use different taps.
std::vector<AxisRun> backward_runs(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                   std::int64_t pad, std::int64_t dilation);

// Where an axis has three adjacent taps and padding at its ends is one position: makes one run of all of it.
void join_ends(std::vector<AxisRun>& runs);

// One convolution, planned for a kernel table.
struct ConvPlan {
  ConvShape shape;
  std::vector<AxisRun> rows, columns;                    // forward
  std::vector<AxisRun> backward_rows, backward_columns;  // gradient of the input
  std::int64_t tile_k = 1, tile_c = 1;                   // channels a tile: forward, gradient of the input
  bool listed = false, listed_backward = false;          // whether such tiles read their terms from a list
  std::int64_t weight_tile = 1;                          // output channels a tile of the weights' gradient
  std::int64_t weights_scratch = 0;                      // values of scratch for the weights' gradient
  std::int64_t packed = 0, packed_backward = 0;          // values of the packed weights
  bool by_rows = false;                                  // threads share the rows of an image, in both directions

  explicit ConvPlan(const ConvShape& shape);

  // The same with rows [begin, end) only: of the output, of the gradient of the input. Not for reference kernels.
  ConvPlan only_rows(std::int64_t begin, std::int64_t end) const;
  ConvPlan only_backward_rows(std::int64_t begin, std::int64_t end) const;
};

// The backward pass of a convolution whose output only a max_pool reads, planned for a kernel table. Of each window one
// value has a gradient, the others are known to be zero.
struct ConvPoolPlan {
  ConvShape conv;
  PoolShape pool;
  bool backward_data = false;            // the gradient of the convolution's input is wanted, too
  std::int64_t packed = 0, scratch = 0;  // values of the packed weights; of scratch for a thread

  // Whether there are kernels for it: windows that neither overlap nor are padded, every pixel an output.
  bool possible() const;
};

// How kernels named `isa` compute it, for `hone inspect`.
std::string describe(const ConvPlan& plan, const std::string& isa);

}  // namespace hone
