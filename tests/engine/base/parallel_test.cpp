// ctest-labels: threads
#include "engine/base/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <vector>

namespace hone {
namespace {

struct Counts {
  std::vector<int> runs;
};

TEST(Team, RunsTheBodyOncePerThread) {
  for (const int threads : {1, 2, 3, 5}) {
    Team team(threads);
    ASSERT_EQ(team.size(), threads);
    Counts counts{std::vector<int>(static_cast<std::size_t>(threads))};
    for (int repeat = 0; repeat < 20; ++repeat) {
      team.run([](void* context, int thread,
                  Barrier&) noexcept { ++static_cast<Counts*>(context)->runs[static_cast<std::size_t>(thread)]; },
               &counts);
    }
    EXPECT_EQ(counts.runs, std::vector<int>(static_cast<std::size_t>(threads), 20));
  }
}

TEST(Team, TakesEveryAvailableThreadUnlessToldOtherwise) {
  EXPECT_GE(available_threads(), 1);
  EXPECT_EQ(Team().size(), available_threads());
  EXPECT_EQ(Team(-1).size(), available_threads());
}

// Each thread writes its own cell, then reads its neighbour's: without a barrier that orders both, the sums are wrong
// and the thread sanitizer reports a race.
struct Ring {
  int threads;
  std::vector<int> cells;
  std::atomic<int> wrong{0};
};

TEST(Barrier, OrdersWhatThreadsWroteBefore) {
  for (const int threads : {2, 3}) {
    Team team(threads);
    Ring ring{threads, std::vector<int>(static_cast<std::size_t>(threads)), {}};
    team.run(
        [](void* context, int thread, Barrier& barrier) noexcept {
          Ring& r = *static_cast<Ring*>(context);
          const auto own = static_cast<std::size_t>(thread);
          const auto next = static_cast<std::size_t>((thread + 1) % r.threads);
          for (int round = 1; round <= 200; ++round) {
            r.cells[own] = round;
            barrier.wait();
            if (r.cells[next] != round) ++r.wrong;
            barrier.wait();
          }
        },
        &ring);
    EXPECT_EQ(ring.wrong.load(), 0);
  }
}

// A region inside another gets one thread. Work that is shared out must be done, and nobody waits for who is missing.
TEST(Barrier, WaitsOnlyForThreadsThatExist) {
  Team outer(2);
  std::atomic<int> runs{0};
  outer.run(
      [](void* context, int, Barrier&) noexcept {
        Team inner(3);
        inner.run(
            [](void* count, int, Barrier& barrier) noexcept {
              barrier.wait();
              ++*static_cast<std::atomic<int>*>(count);
              barrier.wait();
            },
            context);
      },
      &runs);
  EXPECT_GE(runs.load(), 2);
}

struct Subnormal {
  std::vector<float> products;
};

TEST(Team, FlushesSubnormalNumbersToZeroOnEveryThread) {
  Team team(3);
  Subnormal data{std::vector<float>(3, -1)};
  team.run(
      [](void* context, int thread, Barrier&) noexcept {
        volatile float smallest = std::numeric_limits<float>::min();
        volatile float half = 0.5F;
        static_cast<Subnormal*>(context)->products[static_cast<std::size_t>(thread)] = smallest * half;
      },
      &data);
  EXPECT_EQ(data.products, std::vector<float>(3, 0.0F));
}

}  // namespace
}  // namespace hone
