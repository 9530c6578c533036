// A step allocates nothing: every call of malloc and its relatives is counted. Sanitizers bring an allocator of their
// own: with them the steps only run.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "tests/support/model.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HONE_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HONE_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef HONE_COUNTS_ALLOCATIONS
#define HONE_COUNTS_ALLOCATIONS 1
#endif

namespace {
std::atomic<std::int64_t> allocations{0};
}

#if HONE_COUNTS_ALLOCATIONS
// Take the place of the C library's, for every library of this program; operator new comes here as well.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  ++allocations;
  return __libc_realloc(memory, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

namespace hone {
namespace {

using test::conv;
using test::dense;
using test::layer;
using test::pool;

// Every kind of layer, both ways to work on a dense layer.
ModelSpec everything() {
  const std::string same = "same";
  std::vector<Component> layers{
      conv(6, 3, {{"padding", same}, {"batch_norm", true}, {"activation", std::string("relu")}}),
      layer("residual", {{"shortcut", std::string("auto")}},
            {conv(8, 3, {{"padding", same}, {"stride", Pair{2, 2}}, {"batch_norm", true}})}),
      layer("repeat", {{"times", std::int64_t{2}}}, {conv(8, 3, {{"padding", same}}), layer("relu")}),
      pool("max_pool", 2),
      pool("avg_pool", 2, {{"stride", Pair{1, 1}}}),
      layer("batch_norm"),
      layer("dropout", {{"rate", 0.25}}),
      dense(700, "relu"),
      dense(120, "tanh", {{"batch_norm", true}})};
  for (const char* name : {"leaky_relu", "relu6", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"})
    layers.push_back(layer(name));
  layers.push_back(dense(4));
  return {{2, 16, 16}, std::move(layers), {}};
}

struct Unchanged : Augmenter {
  void apply(const std::uint8_t* src, std::uint32_t, std::uint64_t, float* dst) const noexcept override {
    for (std::int64_t i = 0; i < 2 * 16 * 16; ++i) dst[i] = src[i];
  }
};

TEST(Allocation, CallsAreCounted) {
  const std::int64_t before = allocations;
  // volatile: the compiler may leave out what nobody looks at.
  void* volatile memory = std::malloc(1);
  std::free(memory);
  const int* volatile one = new int(1);
  delete one;
  EXPECT_EQ(allocations - before, HONE_COUNTS_ALLOCATIONS ? 2 : 0);
}

TEST(Allocation, StepsAndEvaluationsAllocateNothing) {
  constexpr std::int64_t kBatch = 37, kLast = 18;
  const ModelSpec spec = everything();
  const test::Images images(kBatch, spec.input, 4, 1), last(kLast, spec.input, 4, 2);
  const Unchanged augmenter;
  Batch augmented = images.batch();
  augmented.augmenter = &augmenter;
  Batch single = images.batch();  // has kernels of its own
  single.size = 1;
  std::vector<float> logits(static_cast<std::size_t>(kBatch * 4));
  for (const Component& optimizer : {test::sgd(0.9, true, 0.001), test::adam("adamw", 0.01)})
    for (const int threads : {1, 2}) {
      NetworkOptions options = test::small_options(spec.input, kBatch, optimizer);
      options.last_batch_size = kLast;
      options.clip_gradients = 0.5;
      options.label_smoothing = 0.1;
      options.threads = threads;
      Network<float> net(spec, options);
      net.initialize(1);
      Team team(threads);
      double sum = 0;
      const auto steps = [&] {
        for (std::uint64_t step = 0; step < 4; ++step) {
          sum += net.train_step(images.batch(), 0.01, 0, step, team).loss;
          sum += net.train_step(augmented, 0.01, 0, step, team).loss;
          sum += net.train_step(last.batch(), 0.01, 0, step, team).loss;
          sum += net.evaluate(images.batch(), logits.data(), team).loss_sum;
          sum += net.evaluate(last.batch(), nullptr, team).loss_sum;
          sum += net.evaluate(single, nullptr, team).loss_sum;
          sum += net.finite() ? 0 : 1;
        }
      };
      steps();  // warm-up: OpenMP starts its threads
      const std::int64_t before = allocations;
      steps();
      EXPECT_EQ(allocations - before, 0) << threads << " threads, " << optimizer.type;
      EXPECT_TRUE(std::isfinite(sum));
    }
}

}  // namespace
}  // namespace hone
