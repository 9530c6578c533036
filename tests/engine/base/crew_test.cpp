// ctest-labels: threads
// Work that is shared: each part runs once, whoever runs it, and its owner goes on only when all are done.
#include "engine/base/crew.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <vector>

#include "engine/base/parallel.hpp"

namespace hone {
namespace {

TEST(Crew, AloneRunsPartsInOrder) {
  Crew crew;
  std::vector<std::int64_t> order;
  crew.share(4, [&](std::int64_t part) { order.push_back(part); });
  crew.share(0, [&](std::int64_t part) { order.push_back(part); });
  EXPECT_EQ(order, (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(crew.help(), -1) << "nothing is left to do";
}

// Threads that share the work of some, in many rounds.
struct Site {
  static constexpr int kLabel = 7, kRounds = 300;
  static constexpr std::int64_t kMostParts = 9;
  std::vector<Crew> crews;
  std::vector<std::vector<int>> done;  // of each owner and part; plain, for the thread sanitizer
  std::atomic<int> helped{0}, wrong{0};
  int owners;

  Site(int threads, int owner_count)
      : crews(static_cast<std::size_t>(threads)),
        done(static_cast<std::size_t>(threads), std::vector<int>(kMostParts)),
        owners(owner_count) {}

  bool help(int thread) {
    for (std::size_t i = 0; i < crews.size(); ++i) {
      if (i == static_cast<std::size_t>(thread)) continue;
      const int label = crews[i].help();
      if (label < 0) continue;
      if (label != kLabel + static_cast<int>(i)) ++wrong;
      ++helped;
      return true;
    }
    return false;
  }

  void work(int thread, Barrier& barrier) {
    Crew& crew = crews[static_cast<std::size_t>(thread)];
    std::vector<int>& mine = done[static_cast<std::size_t>(thread)];
    crew.meet(&barrier);
    crew.set_label(kLabel + thread);
    for (int round = 0; round < kRounds; ++round) {
      if (thread < owners) {
        const std::int64_t parts = 1 + round % kMostParts;
        crew.share(parts, [&](std::int64_t part) { ++mine[static_cast<std::size_t>(part)]; });
        for (std::int64_t part = 0; part < kMostParts; ++part) {
          int& runs = mine[static_cast<std::size_t>(part)];
          if (runs != (part < parts ? 1 : 0)) ++wrong;
          runs = 0;
        }
      }
      barrier.wait([](void* site, int helper) noexcept { return static_cast<Site*>(site)->help(helper); }, this,
                   thread);
    }
  }
};

TEST(Crew, EveryPartRunsOnceBeforeTheOwnerGoesOn) {
  for (const int threads : {2, 3, 4})
    for (const int owners : {1, threads}) {
      SCOPED_TRACE(testing::Message() << threads << " threads, " << owners << " share work");
      Site site(threads, owners);
      Team team(threads);
      team.run([](void* context, int thread,
                  Barrier& barrier) noexcept { static_cast<Site*>(context)->work(thread, barrier); },
               &site);
      EXPECT_EQ(site.wrong, 0);
    }
}

// A part that waits until another one has run ends only where threads help.
TEST(Crew, ThreadsThatWaitHelp) {
  struct Meeting {
    Site site{2, 1};
    std::atomic<int> arrived{0};
  } meeting;
  Team team(2);
  team.run(
      [](void* context, int thread, Barrier& barrier) noexcept {
        auto& m = *static_cast<Meeting*>(context);
        Crew& crew = m.site.crews[static_cast<std::size_t>(thread)];
        crew.meet(&barrier);
        crew.set_label(Site::kLabel + thread);
        for (int round = 1; round <= 20; ++round) {
          if (thread == 0)
            crew.share(2, [&](std::int64_t) {
              ++m.arrived;
              while (m.arrived < 2 * round) {
              }
            });
          barrier.wait([](void* site, int helper) noexcept { return static_cast<Site*>(site)->help(helper); }, &m.site,
                       thread);
        }
      },
      &meeting);
  EXPECT_EQ(meeting.site.helped, 20);
  EXPECT_EQ(meeting.site.wrong, 0);
}

// More parts than can be counted out to others.
TEST(Crew, TooManyPartsAreRunByTheirOwner) {
  Team team(2);
  std::atomic<std::int64_t> runs{0};
  team.run(
      [](void* context, int thread, Barrier& barrier) noexcept {
        Crew crew;
        crew.meet(&barrier);
        if (thread == 0)
          crew.share(std::int64_t{1} << 22, [&](std::int64_t) { ++*static_cast<std::atomic<std::int64_t>*>(context); });
        barrier.wait();
      },
      &runs);
  EXPECT_EQ(runs, std::int64_t{1} << 22);
}

}  // namespace
}  // namespace hone
