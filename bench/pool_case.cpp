#include <limits>

#include "bench/layer_case.hpp"

namespace hone::bench {
namespace {

constexpr std::int64_t kSamples = 200;

// Max-pooling as training does it: forward also stores which tap has won.
class PoolCase : public LayerCase {
 public:
  PoolCase(const PoolShape& shape, std::int64_t count, Pass pass, int threads)
      : LayerCase(count, threads),
        shape_(shape),
        pass_(pass),
        src_(images(shape.src_size())),
        dst_(images(shape.dst_size())),
        argmax_(images(shape.dst_size())),
        diff_dst_(images(shape.dst_size())),
        diff_src_(images(shape.src_size())) {
    program_.over_images("max_pool", {src_.slot, dst_.slot, argmax_.slot, diff_dst_.slot, diff_src_.slot},
                         [this](const Task& task) {
                           if (pass_ == Pass::forward || !primed_)
                             kernels_.max_pool_forward(shape_, src_.slot->at(task), dst_.slot->at(task),
                                                       argmax_.slot->at(task), task.blocks);
                           if (pass_ == Pass::backward_data)
                             kernels_.max_pool_backward(shape_, diff_dst_.slot->at(task), argmax_.slot->at(task),
                                                        diff_src_.slot->at(task), task.blocks);
                         });
    allocate();
    src_.fill(1);
    diff_dst_.fill(2);
    run();  // backward reads what forward has stored
    primed_ = true;
    bytes_ = 4 * static_cast<double>((shape.src_size() + 2 * shape.dst_size()) * count);
  }

  std::string check() override {
    const bool forward = pass_ == Pass::forward;
    const std::int64_t size = forward ? shape_.dst_size() : shape_.src_size();
    for (const std::int64_t index : sample(size * count_, kSamples, 1)) {
      const std::int64_t n = index / size, at = index % size;
      Expected expected;
      if (forward)
        expected.add(static_cast<double>(src_.at(n, winner(n, at))), 1);
      else
        expected = gradient(n, at);
      const float got = (forward ? dst_ : diff_src_).at(n, at);
      if (auto wrong = compare(forward ? "dst" : "diff_src", index, got, expected); !wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  // Index in the image of the largest value of the window behind output `at`; the first where there are several.
  std::int64_t winner(std::int64_t n, std::int64_t at) const {
    const PoolShape& p = shape_;
    const std::int64_t c = at / (p.out_h * p.out_w), oh = at / p.out_w % p.out_h, ow = at % p.out_w;
    float best = -std::numeric_limits<float>::infinity();
    std::int64_t place = 0;
    for (std::int64_t r = 0; r < p.size_h; ++r)
      for (std::int64_t s = 0; s < p.size_w; ++s) {
        const std::int64_t row = oh * p.stride_h - p.pad_h + r, column = ow * p.stride_w - p.pad_w + s;
        if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
        const std::int64_t tap = (c * p.h + row) * p.w + column;
        if (src_.at(n, tap) <= best) continue;
        best = src_.at(n, tap);
        place = tap;
      }
    return place;
  }

  Expected gradient(std::int64_t n, std::int64_t at) const {
    const PoolShape& p = shape_;
    const std::int64_t c = at / (p.h * p.w);
    Expected sum;
    for (std::int64_t i = 0; i < p.out_h * p.out_w; ++i) {
      const std::int64_t output = c * p.out_h * p.out_w + i;
      if (winner(n, output) == at) sum.add(static_cast<double>(diff_dst_.at(n, output)), 1);
    }
    return sum;
  }

  PoolShape shape_;
  Pass pass_;
  Images src_, dst_, argmax_, diff_dst_, diff_src_;
  bool primed_ = false;
};

}  // namespace

std::unique_ptr<LayerCase> make_case(const PoolShape& shape, std::int64_t images, Pass pass, int threads) {
  return std::make_unique<PoolCase>(shape, images, pass, threads);
}

}  // namespace hone::bench
