// Steps of the nets that ship, on random images.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/parallel.hpp"
#include "engine/graph/network.hpp"
#include "trainer/config/loader.hpp"

namespace hone::bench {

struct StepCase {
  std::string name;  // as README.md lists them
  std::shared_ptr<const Config> config;
  std::int64_t batch_size;
  bool training;
  int threads;
};

// Each net that ships, in training with its own batch size and in inference, with each number of threads.
std::vector<StepCase> step_cases();

// A net, a team for it, and some batches of bytes.
class Steps {
 public:
  explicit Steps(const StepCase& step_case);

  // One more step, on the next batch.
  void run() noexcept;

  // Of one step.
  std::int64_t images() const { return case_.batch_size; }
  double flops() const;
  // Bytes of the net.
  double memory() const { return static_cast<double>(network_.arena_bytes()); }

  // Ends the program with 1 where the loss or the weights are not finite: such steps may take another time.
  void check() const;

  void start_profile();
  // A line an op: microseconds a step of all threads together, share of the threads' time. The rest is waiting at
  // barriers, packing weights, and the clock itself.
  void print_profile() const;

 private:
  Batch batch() const;

  StepCase case_;
  Team team_;
  Network<float> network_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int32_t> labels_;
  std::vector<std::uint32_t> ids_;
  std::vector<float> logits_;
  std::uint64_t step_ = 0, steps_before_ = 0;
  std::chrono::steady_clock::time_point start_;
  double loss_ = 0;
};

}  // namespace hone::bench
