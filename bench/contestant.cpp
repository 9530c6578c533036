#include "bench/contestant.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bench/roofline.hpp"
#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {

Contestant::Contestant(double amount, double seconds, std::function<void()> run)
    : amount_(amount), run_(std::move(run)) {
  run_();
  runs_ = std::max(1, static_cast<int>(seconds / seconds_of(1)));
}

void Contestant::take_turn() {
  if (runs_ > 1) run_();
  rates_.push_back(amount_ * runs_ / seconds_of(runs_));
}

double Contestant::seconds_of(int runs) const {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < runs; ++i) run_();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Contestant peak_contestant(double seconds, int threads) {
  constexpr std::int64_t kRounds = 200'000;
  const std::string& isa = chosen_isa().name;
  const auto flops = static_cast<double>(kRounds * flops_per_round(isa) * threads);
  return {flops, seconds, [&isa, team = std::make_shared<Team>(threads)] { run_flops(isa, kRounds, *team); }};
}

}  // namespace hone::bench
