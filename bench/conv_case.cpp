#include <map>

#include "bench/layer_case.hpp"
#include "engine/graph/infer.hpp"
#include "engine/layers/blocks.hpp"

namespace hone::bench {
namespace {

constexpr std::int64_t kSamples = 48;

class ConvCase : public LayerCase {
 public:
  ConvCase(const ConvShape& shape, std::int64_t count, Pass pass, int threads)
      : LayerCase(count, threads, pass == Pass::forward), plan_(shape), pass_(pass), weights_(shape.weights()) {
    if (pass != Pass::forward) {
      src_ = images(shape.src_size());
      dst_ = images(shape.dst_size());
      kernels_.conv_prepare(plan_);
      packed_backward_ = Slab(plan_.packed_backward * static_cast<std::int64_t>(sizeof(float)));
    }
    switch (pass) {
      case Pass::forward:
        plan_forward();
        break;
      case Pass::backward_data:
        plan_backward_data();
        break;
      case Pass::backward_weights:
        plan_backward_weights();
        break;
    }
    allocate();
    if (pass != Pass::backward_data) src_.fill(1);
    if (pass != Pass::forward) dst_.fill(2);
    if (pass != Pass::backward_weights) {
      values_ = Slab((bias_offset() + shape.k) * static_cast<std::int64_t>(sizeof(float)));
      fill_random(weights(), weights_, 3);
      fill_random(bias(), shape.k, 4);
    }
    if (pass == Pass::backward_data)
      kernels_.conv_pack(plan_, weights(), nullptr, reinterpret_cast<float*>(packed_backward_.data()));
    if (pass == Pass::forward) {
      layer_["conv.weight"].values = weights();
      layer_["conv.bias"].values = bias();
      prepare();
    }
    flops_ = 2 * static_cast<double>(shape.macs() * count);
    bytes_ = 4 * static_cast<double>((shape.src_size() + shape.dst_size()) * count + shape.weights());
  }

  std::string check() override {
    switch (pass_) {
      case Pass::forward:
        return check_forward();
      case Pass::backward_data:
        return check_backward_data();
      case Pass::backward_weights:
        break;
    }
    return check_backward_weights();
  }

 private:
  // Weights and bias, or their gradients.
  std::int64_t bias_offset() const { return align_up(plan_.shape.weights(), 16); }
  float* weights() { return gradients_ != nullptr ? gradients_->base : reinterpret_cast<float*>(values_.data()); }
  float* bias() { return weights() + bias_offset(); }

  // By the engine's own planner.
  void plan_forward() {
    const ConvShape& shape = plan_.shape;
    layer_["conv.weight"].size = weights_;
    layer_["conv.bias"].size = shape.k;
    PlanContext<float> context(program_, kernels_, layer_, persistent_, descriptions_, !evaluation_, 0);
    Value<float>* in = context.value({shape.c, shape.h, shape.w});
    const Value<float>* out = plan_convolution(context, shape, in, "conv", false);
    src_ = images(in->data, shape.src_size());
    dst_ = images(out->data, shape.dst_size());
  }

  void plan_backward_data() {
    program_.over_images("conv_backward_data", {src_.slot, dst_.slot}, [this](const Task& task) {
      kernels_.conv_backward_data(plan_, dst_.slot->at(task), weights(),
                                  reinterpret_cast<float*>(packed_backward_.data()), src_.slot->at(task), task.blocks);
    });
  }

  // As a network does: many weights, in panels over the whole batch; few, by chunk, and then added up.
  void plan_backward_weights() {
    const std::int64_t k = plan_.shape.k;
    gradients_ = whole(bias_offset() + k);
    Slot<float>* scratch = nullptr;
    if (plan_.weights_scratch > 0) scratch = program_.add_slot(Slot<float>::Kind::per_thread, plan_.weights_scratch);
    const auto scratch_of = [scratch](const Task& task) { return scratch ? scratch->at(task) : nullptr; };
    if (weights_ > kWholeBatchWeights) {
      const Panels panels(k, plan_.shape.groups == 1 ? plan_.weight_tile : plan_.shape.group_k());
      program_.tasks("conv_backward_weights", {src_.slot, dst_.slot, gradients_, scratch}, panels.count,
                     [=, this](const Task& task) {
                       kernels_.conv_backward_weights(plan_, src_.slot->base, dst_.slot->base, weights(), bias(),
                                                      task.state->blocks, panels.begin(task.index),
                                                      panels.end(task.index), scratch_of(task));
                     });
      return;
    }
    Slot<float>* partials = per_chunk(align_up(gradients_->size, 16));
    program_.over_images("conv_backward_weights", {src_.slot, dst_.slot, partials, scratch},
                         [=, this](const Task& task) {
                           float* out = partials->at(task);
                           kernels_.conv_backward_weights(plan_, src_.slot->at(task), dst_.slot->at(task), out,
                                                          out + bias_offset(), task.blocks, 0, k, scratch_of(task));
                         });
    add_up(partials, gradients_);
  }

  // Calls body(c within the group, r, s, row, column) for the taps of output (oh, ow) that are inside the image.
  template <class Body>
  void for_each_tap(std::int64_t oh, std::int64_t ow, const Body& body) const {
    const ConvShape& p = plan_.shape;
    for (std::int64_t c = 0; c < p.group_c(); ++c)
      for (std::int64_t r = 0; r < p.r; ++r)
        for (std::int64_t s = 0; s < p.s; ++s) {
          const std::int64_t row = oh * p.stride_h - p.pad_h + r, column = ow * p.stride_w - p.pad_w + s;
          if (row >= 0 && row < p.h && column >= 0 && column < p.w) body(c, r, s, row, column);
        }
  }

  std::int64_t weight_index(std::int64_t k, std::int64_t c, std::int64_t r, std::int64_t s) const {
    const ConvShape& p = plan_.shape;
    return ((k * p.group_c() + c) * p.r + r) * p.s + s;
  }

  std::string check_forward() {
    const ConvShape& p = plan_.shape;
    for (const std::int64_t index : sample(p.dst_size() * count_, kSamples, 1)) {
      const std::int64_t n = index / p.dst_size(), at = index % p.dst_size();
      const std::int64_t k = at / (p.out_h * p.out_w), pixel = at % (p.out_h * p.out_w);
      const std::int64_t first_c = k / p.group_k() * p.group_c();
      Expected expected;
      expected.add(static_cast<double>(bias()[k]), 1);
      for_each_tap(pixel / p.out_w, pixel % p.out_w, [&](auto c, auto r, auto s, auto row, auto column) {
        expected.add(static_cast<double>(src_.at(n, ((first_c + c) * p.h + row) * p.w + column)),
                     static_cast<double>(weights()[weight_index(k, c, r, s)]));
      });
      if (auto wrong = compare("dst", index, dst_.at(n, at), expected); !wrong.empty()) return wrong;
    }
    return {};
  }

  std::string check_backward_data() {
    const ConvShape& p = plan_.shape;
    for (const std::int64_t index : sample(p.src_size() * count_, kSamples, 2)) {
      const std::int64_t n = index / p.src_size(), at = index % p.src_size();
      const std::int64_t c = at / (p.h * p.w), row = at / p.w % p.h, column = at % p.w;
      const std::int64_t group = c / p.group_c();
      Expected expected;
      for (std::int64_t k = group * p.group_k(); k < (group + 1) * p.group_k(); ++k)
        for (std::int64_t r = 0; r < p.r; ++r)
          for (std::int64_t s = 0; s < p.s; ++s) {
            const std::int64_t y = row + p.pad_h - r, x = column + p.pad_w - s;
            if (y < 0 || x < 0 || y % p.stride_h != 0 || x % p.stride_w != 0) continue;
            const std::int64_t oh = y / p.stride_h, ow = x / p.stride_w;
            if (oh >= p.out_h || ow >= p.out_w) continue;
            expected.add(static_cast<double>(dst_.at(n, (k * p.out_h + oh) * p.out_w + ow)),
                         static_cast<double>(weights()[weight_index(k, c % p.group_c(), r, s)]));
          }
      if (auto wrong = compare("diff_src", index, src_.at(n, at), expected); !wrong.empty()) return wrong;
    }
    return {};
  }

  std::string check_backward_weights() {
    const ConvShape& p = plan_.shape;
    const std::int64_t window = p.r * p.s, filter = p.group_c() * window;
    // Whole sums over the batch are long: fewer of them.
    for (const std::int64_t index : sample(p.weights(), 24, 3)) {
      const std::int64_t k = index / filter, c = k / p.group_k() * p.group_c() + index % filter / window;
      const std::int64_t r = index % window / p.s, s = index % p.s;
      Expected expected;
      for (std::int64_t n = 0; n < count_; ++n)
        for (std::int64_t oh = 0; oh < p.out_h; ++oh)
          for (std::int64_t ow = 0; ow < p.out_w; ++ow) {
            const std::int64_t row = oh * p.stride_h - p.pad_h + r, column = ow * p.stride_w - p.pad_w + s;
            if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
            expected.add(static_cast<double>(src_.at(n, (c * p.h + row) * p.w + column)),
                         static_cast<double>(dst_.at(n, (k * p.out_h + oh) * p.out_w + ow)));
          }
      if (auto wrong = compare("diff_weights", index, weights()[index], expected); !wrong.empty()) return wrong;
    }
    for (const std::int64_t k : sample(p.k, 4, 4)) {
      Expected expected;
      for (std::int64_t n = 0; n < count_; ++n)
        for (std::int64_t i = 0; i < p.out_h * p.out_w; ++i)
          expected.add(static_cast<double>(dst_.at(n, k * p.out_h * p.out_w + i)), 1);
      if (auto wrong = compare("diff_bias", k, bias()[k], expected); !wrong.empty()) return wrong;
    }
    return {};
  }

  ConvPlan plan_;
  Pass pass_;
  Images src_, dst_;  // or their gradients
  std::int64_t weights_;
  Slab values_;
  Slot<float>* gradients_ = nullptr;
  Slab packed_backward_;
  std::map<std::string, Parameter<float>> layer_;
  std::map<std::string, Slab> persistent_;
  std::vector<LayerInfo> descriptions_;
};

}  // namespace

std::unique_ptr<LayerCase> make_case(const ConvShape& shape, std::int64_t images, Pass pass, int threads) {
  return std::make_unique<ConvCase>(shape, images, pass, threads);
}

}  // namespace hone::bench
