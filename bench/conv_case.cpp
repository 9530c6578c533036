#include <map>

#include "bench/layer_case.hpp"
#include "engine/graph/infer.hpp"
#include "engine/graph/network.hpp"
#include "engine/layers/blocks.hpp"

namespace hone::bench {
namespace {

constexpr std::int64_t kSamples = 48;

class ConvCase : public LayerCase {
 public:
  ConvCase(const ConvShape& shape, std::int64_t count, Pass pass, int threads)
      : LayerCase(count, threads, pass == Pass::forward),
        shape_(shape),
        pass_(pass),
        context_(program_, kernels_, layer_, persistent_, descriptions_, !evaluation_, 0,
                 NetworkOptions{}.macs_at_a_time) {
    values_ = Slab((bias_offset() + shape.k) * static_cast<std::int64_t>(sizeof(float)));
    for (const auto& [name, values] : {std::pair{"conv.weight", weights()}, std::pair{"conv.bias", bias()}}) {
      layer_[name].values = values;
      layer_[name].gradient = values;
    }
    if (pass != Pass::forward) {
      src_ = images(shape.src_size());
      dst_ = images(shape.dst_size());
      plan_ = std::make_shared<ConvPlan>(shape);
      kernels_.conv_prepare(*plan_);
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
      fill_random(weights(), shape.weights(), 3);
      fill_random(bias(), shape.k, 4);
    }
    if (pass == Pass::backward_data)
      kernels_.conv_pack(*plan_, weights(), nullptr,
                         context_.persistent("conv.packed_backward", plan_->packed_backward));
    if (pass == Pass::forward) prepare();
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
  std::int64_t bias_offset() const { return align_up(shape_.weights(), 16); }
  float* weights() { return gradients_ != nullptr ? gradients_->base : reinterpret_cast<float*>(values_.data()); }
  float* bias() { return weights() + bias_offset(); }

  // All passes by the engine's own planner.
  void plan_forward() {
    layer_["conv.weight"].size = shape_.weights();
    layer_["conv.bias"].size = shape_.k;
    Value<float>* in = context_.value({shape_.c, shape_.h, shape_.w});
    const Value<float>* out = plan_convolution(context_, shape_, in, "conv", false);
    src_ = images(in->data, shape_.src_size());
    dst_ = images(out->data, shape_.dst_size());
  }

  void plan_backward_data() {
    plan_conv_backward_data<float>(context_, plan_, dst_.slot, weights(),
                                   context_.persistent("conv.packed_backward", plan_->packed_backward), src_.slot);
  }

  // Where each chunk has gradients of its own, they are added up.
  void plan_backward_weights() {
    Parameter<float>&filters = layer_["conv.weight"], &offsets = layer_["conv.bias"];
    filters.whole = offsets.whole = shape_.weights() > kWholeBatchWeights;
    filters.partial_offset = 0;
    offsets.partial_offset = bias_offset();
    const bool by_chunk = !context_.whole_batch(filters);
    if (by_chunk) {
      gradients_ = whole(bias_offset() + shape_.k);
      context_.set_partials(per_chunk(align_up(gradients_->size, 16)));
    }
    plan_conv_backward_weights<float>(context_, plan_, src_.slot, dst_.slot, &filters, &offsets);
    if (by_chunk) add_up(context_.partials(), gradients_);
  }

  // Calls body(c within the group, r, s, row, column) for the taps of output (oh, ow) that are inside the image.
  template <class Body>
  void for_each_tap(std::int64_t oh, std::int64_t ow, const Body& body) const {
    const ConvShape& p = shape_;
    for (std::int64_t c = 0; c < p.group_c(); ++c)
      for (std::int64_t r = 0; r < p.r; ++r)
        for (std::int64_t s = 0; s < p.s; ++s) {
          const std::int64_t row = oh * p.stride_h - p.pad_h + r, column = ow * p.stride_w - p.pad_w + s;
          if (row >= 0 && row < p.h && column >= 0 && column < p.w) body(c, r, s, row, column);
        }
  }

  std::int64_t weight_index(std::int64_t k, std::int64_t c, std::int64_t r, std::int64_t s) const {
    const ConvShape& p = shape_;
    return ((k * p.group_c() + c) * p.r + r) * p.s + s;
  }

  std::string check_forward() {
    const ConvShape& p = shape_;
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
    const ConvShape& p = shape_;
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
    const ConvShape& p = shape_;
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

  ConvShape shape_;
  Pass pass_;
  Images src_, dst_;  // or their gradients
  Slab values_;
  Slot<float>* gradients_ = nullptr;
  std::shared_ptr<ConvPlan> plan_;  // of the backward passes
  std::map<std::string, Parameter<float>> layer_;
  std::map<std::string, Slab> persistent_;
  std::vector<LayerInfo> descriptions_;
  PlanContext<float> context_;
};

}  // namespace

std::unique_ptr<LayerCase> make_case(const ConvShape& shape, std::int64_t images, Pass pass, int threads) {
  return std::make_unique<ConvCase>(shape, images, pass, threads);
}

}  // namespace hone::bench
