#include "bench/layer_case.hpp"
#include "engine/graph/infer.hpp"
#include "engine/layers/blocks.hpp"

namespace hone::bench {
namespace {

constexpr std::int64_t kSamples = 48;
constexpr std::int64_t kTile = 10;  // outputs or inputs that the dense layer's tasks are made of

class DenseCase : public LayerCase {
 public:
  DenseCase(const DenseShape& shape, std::int64_t count, Pass pass, int threads)
      : LayerCase(count, threads),
        shape_(shape),
        pass_(pass),
        src_(images(shape.in)),
        dst_(images(shape.out)),
        rows_(images(shape.padded_in())),
        parameters_(whole(bias_offset() + shape.out)) {
    const bool by_panel = shape.in * shape.out > kWholeBatchWeights || program_.partition().single_images();
    if (pass == Pass::backward_weights)
      plan_backward_weights(by_panel);
    else
      plan_values(by_panel);
    allocate();
    if (pass != Pass::backward_data) src_.fill(1);
    if (pass != Pass::forward) dst_.fill(2);
    if (pass != Pass::backward_weights) fill_random(parameters_->base, parameters_->size, 3);
    flops_ = 2 * static_cast<double>(shape.in * shape.out * count);
    bytes_ = 4 * static_cast<double>((shape.in + shape.out) * count + shape.in * shape.out);
  }

  std::string check() override {
    const bool forward = pass_ == Pass::forward;
    if (pass_ == Pass::backward_weights) return check_backward_weights();
    const std::int64_t size = forward ? shape_.out : shape_.in;
    for (const std::int64_t index : sample(size * count_, kSamples, 1)) {
      const std::int64_t n = index / size, at = index % size;
      Expected expected;
      if (forward) {
        expected.add(static_cast<double>(bias()[at]), 1);
        for (std::int64_t i = 0; i < shape_.in; ++i) expected.add(weight(at, i), static_cast<double>(src_.at(n, i)));
      } else {
        for (std::int64_t o = 0; o < shape_.out; ++o) expected.add(weight(o, at), static_cast<double>(dst_.at(n, o)));
      }
      auto wrong = compare(forward ? "dst" : "diff_src", index, (forward ? dst_ : src_).at(n, at), expected);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  std::int64_t bias_offset() const { return align_up(shape_.in * shape_.out, 16); }
  float* weights() const { return parameters_->base; }
  float* bias() const { return parameters_->base + bias_offset(); }
  double weight(std::int64_t o, std::int64_t i) const { return static_cast<double>(weights()[o * shape_.in + i]); }

  // dst from src, or the gradient of src from that of dst.
  void plan_values(bool by_panel) {
    const bool forward = pass_ == Pass::forward;
    const auto run = [this, forward](const float* src, float* dst, std::int64_t blocks, std::int64_t begin,
                                     std::int64_t end) {
      if (forward)
        kernels_.dense_forward(shape_, src, weights(), bias(), false, dst, blocks, begin, end);
      else
        kernels_.dense_backward_data(shape_, src, weights(), dst, blocks, begin, end);
    };
    Slot<float>*from = forward ? src_.slot : dst_.slot, *to = forward ? dst_.slot : src_.slot;
    const std::int64_t size = forward ? shape_.out : shape_.in;
    if (!by_panel) {
      program_.over_images("dense", {from, to, parameters_},
                           [=](const Task& task) { run(from->at(task), to->at(task), task.blocks, 0, size); });
      return;
    }
    const Panels panels(size, kTile);
    program_.tasks("dense", {from, to, parameters_}, panels.count, [=](const Task& task) {
      run(from->base, to->base, task.state->blocks, panels.begin(task.index), panels.end(task.index));
    });
  }

  // The input is transposed first: part of the time.
  void plan_backward_weights(bool by_panel) {
    program_.over_images("dense_transpose", {src_.slot, rows_.slot}, [this](const Task& task) {
      kernels_.dense_transpose(shape_, src_.slot->at(task), rows_.slot->at(task), task.blocks);
    });
    if (by_panel) {
      const Panels panels(shape_.out, kTile);
      program_.tasks("dense_backward_weights", {rows_.slot, dst_.slot, parameters_}, panels.count,
                     [this, panels](const Task& task) {
                       kernels_.dense_backward_weights(shape_, rows_.slot->base, dst_.slot->base, weights(), bias(),
                                                       task.state->blocks, panels.begin(task.index),
                                                       panels.end(task.index));
                     });
      return;
    }
    Slot<float>* partials = per_chunk(align_up(parameters_->size, 16));
    program_.over_images("dense_backward_weights", {rows_.slot, dst_.slot, partials}, [=, this](const Task& task) {
      float* out = partials->at(task);
      kernels_.dense_backward_weights(shape_, rows_.slot->at(task), dst_.slot->at(task), out, out + bias_offset(),
                                      task.blocks, 0, shape_.out);
    });
    add_up(partials, parameters_);
  }

  std::string check_backward_weights() const {
    for (const std::int64_t index : sample(shape_.in * shape_.out, kSamples, 2)) {
      Expected expected;
      for (std::int64_t n = 0; n < count_; ++n)
        expected.add(static_cast<double>(src_.at(n, index % shape_.in)),
                     static_cast<double>(dst_.at(n, index / shape_.in)));
      if (auto wrong = compare("diff_weights", index, weights()[index], expected); !wrong.empty()) return wrong;
    }
    for (const std::int64_t o : sample(shape_.out, 4, 3)) {
      Expected expected;
      for (std::int64_t n = 0; n < count_; ++n) expected.add(static_cast<double>(dst_.at(n, o)), 1);
      if (auto wrong = compare("diff_bias", o, bias()[o], expected); !wrong.empty()) return wrong;
    }
    return {};
  }

  DenseShape shape_;
  Pass pass_;
  Images src_, dst_, rows_;
  Slot<float>* parameters_;
};

}  // namespace

std::unique_ptr<LayerCase> make_case(const DenseShape& shape, std::int64_t images, Pass pass, int threads) {
  return std::make_unique<DenseCase>(shape, images, pass, threads);
}

}  // namespace hone::bench
