// Memory plans: buffers that are in use at the same time never overlap.
#include "engine/base/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/base/rng.hpp"
#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

struct Booking {
  std::int64_t bytes;
  int first, last, number;
};

// Bytes that are in use at the busiest instant: no plan needs less.
std::int64_t peak(const std::vector<Booking>& bookings, int instants) {
  std::int64_t most = 0;
  for (int t = 0; t < instants; ++t) {
    std::int64_t live = 0;
    for (const Booking& b : bookings)
      if (b.first <= t && t <= b.last) live += align_up(b.bytes);
    most = std::max(most, live);
  }
  return most;
}

TEST(ArenaPlanner, LiveBuffersNeverOverlap) {
  constexpr std::uint64_t kSeed = 4;
  constexpr int kInstants = 30;
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(::testing::Message() << "seed " << kSeed << " round " << round);
    Random random(derive_key(kSeed, "arena"), round);
    ArenaPlanner planner;
    std::vector<Booking> bookings;
    const std::uint64_t count = 1 + random.below(60);
    for (std::uint64_t i = 0; i < count; ++i) {
      Booking b{};
      b.bytes = static_cast<std::int64_t>(random.below(random.below(2) == 0 ? 100 : 10000));
      b.first = static_cast<int>(random.below(kInstants));
      b.last = b.first + static_cast<int>(random.below(static_cast<std::uint64_t>(kInstants - b.first)));
      b.number = planner.book(b.bytes, b.first, b.last);
      bookings.push_back(b);
    }
    planner.assign();
    std::int64_t end = 0, all = 0;
    for (const Booking& a : bookings) {
      const std::int64_t offset = planner.offset(a.number);
      EXPECT_EQ(offset % static_cast<std::int64_t>(kAlignment), 0);
      EXPECT_GE(offset, 0);
      end = std::max(end, offset + align_up(a.bytes));
      all += align_up(a.bytes);
      for (const Booking& b : bookings) {
        if (a.number == b.number || a.last < b.first || b.last < a.first) continue;
        const std::int64_t other = planner.offset(b.number);
        EXPECT_TRUE(offset + a.bytes <= other || other + b.bytes <= offset)
            << "[" << a.first << ", " << a.last << "] and [" << b.first << ", " << b.last << "]";
      }
    }
    EXPECT_EQ(planner.size(), end);
    EXPECT_GE(planner.size(), peak(bookings, kInstants));
    EXPECT_LE(planner.size(), all);
  }
}

TEST(ArenaPlanner, ReusesWhatIsFree) {
  // A chain, each buffer read by the next step only: two of them at a time.
  ArenaPlanner planner;
  for (int i = 0; i < 50; ++i) planner.book(1000, i, i + 1);
  planner.assign();
  EXPECT_EQ(planner.size(), 2 * align_up(1000));
}

TEST(ArenaPlanner, RefusesWhatNoMachineHas) {
  ArenaPlanner planner;
  EXPECT_HONE_ERROR(planner.book(std::int64_t{1} << 55, 0, 1), config, "MiB", "expected a smaller model or batch_size");
}

TEST(Slab, IsAlignedAndZeroed) {
  for (const std::int64_t bytes : {0, 1, 63, 64, 65, 100000, 5 << 20}) {
    const Slab slab(bytes);
    ASSERT_NE(slab.data(), nullptr);
    EXPECT_GE(slab.size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slab.data()) % kAlignment, 0u);
    EXPECT_TRUE(std::all_of(slab.data(), slab.data() + slab.size(), [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(Slab, RefusesMoreThanTheMachineHas) {
  EXPECT_HONE_ERROR(Slab(available_memory() + (1 << 20)), config, "the network needs", "this machine has");
}

}  // namespace
}  // namespace hone
