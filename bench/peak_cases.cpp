#include "bench/peak_cases.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "bench/program.hpp"
#include "bench/roofline.hpp"
#include "engine/base/arena.hpp"
#include "engine/kernels/dispatch.hpp"

namespace hone::bench {
namespace {

using benchmark::Counter;

void fma(benchmark::State& state, int threads) {
  constexpr std::int64_t kRounds = 100'000;
  const std::string& isa = chosen_isa().name;
  Team team(threads);
  for ([[maybe_unused]] auto _ : state) run_flops(isa, kRounds, team);
  const auto flops = static_cast<double>(kRounds * flops_per_round(isa) * threads);
  state.counters["GFLOPS"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
}

// Each thread goes `passes` times over memory of its own.
struct Stream {
  Stream(std::int64_t size, int arrays, std::int64_t times, int threads)
      : bytes(size), passes(times), count(arrays), memory(size * arrays * threads) {
    // Pages that were never written may all be one and the same.
    std::memset(memory.data(), 0x11, static_cast<std::size_t>(memory.size()));
  }
  std::byte* of(int thread, int array) { return memory.data() + (thread * count + array) * bytes; }

  std::int64_t bytes, passes;
  int count;
  Slab memory;
};

void read(benchmark::State& state, Memory level, int threads) {
  const std::int64_t bytes = working_set(level, threads);
  const std::int64_t passes = std::max<std::int64_t>(1, (4 << 20) / bytes);
  Stream stream(bytes, 1, passes, threads);
  Team team(threads);
  for ([[maybe_unused]] auto _ : state)
    team.run(
        [](void* self, int thread, Barrier& barrier) noexcept {
          auto& all = *static_cast<Stream*>(self);
          for (std::int64_t i = 0; i < all.passes; ++i) read_bytes(all.of(thread, 0), all.bytes);
          barrier.wait();
        },
        &stream);
  state.counters["GBs"] =
      Counter(static_cast<double>(bytes * passes * threads) * 1e-9, Counter::kIsIterationInvariantRate);
}

void stream_triad(benchmark::State& state, int threads) {
  const std::int64_t bytes = working_set(Memory::dram, threads) / 3 / 4096 * 4096;
  Stream stream(bytes, 3, 1, threads);
  Team team(threads);
  for ([[maybe_unused]] auto _ : state)
    team.run(
        [](void* self, int thread, Barrier& barrier) noexcept {
          auto& all = *static_cast<Stream*>(self);
          triad(all.of(thread, 0), all.of(thread, 1), all.of(thread, 2), all.bytes);
          barrier.wait();
        },
        &stream);
  state.counters["GBs"] = Counter(static_cast<double>(3 * bytes * threads) * 1e-9, Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_peaks() {
  for (const int threads : thread_counts()) {
    const std::string suffix = "/threads:" + std::to_string(threads);
    benchmark::RegisterBenchmark(("peak/fma" + suffix).c_str(), fma, threads)->UseRealTime();
    for (const Memory level : kMemories)
      benchmark::RegisterBenchmark(("peak/read-" + std::string(to_string(level)) + suffix).c_str(), read, level,
                                   threads)
          ->UseRealTime();
    benchmark::RegisterBenchmark(("peak/triad-dram" + suffix).c_str(), stream_triad, threads)->UseRealTime();
  }
}

}  // namespace hone::bench
