// ctest-labels: serial
// A run that is killed at random moments and resumed, with another number of threads each time, is bitwise the run that
// was never disturbed. HONE_KILLS says how many: tests/durability/kills.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/support/faults.hpp"
#include "tests/support/same_run.hpp"

namespace hone::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr char kTrain[] =
    "  epochs: 40\n"
    "  batch_size: 16\n"
    "  optimizer: {adam: {learning_rate: 0.003}}\n"
    "  schedule: {cosine: {warmup_epochs: 1}}\n"
    "  early_stop: {patience: 3}\n"
    "  checkpoint: {every_seconds: 0.001}\n";

int kills_wanted() {
  const char* text = std::getenv("HONE_KILLS");
  return text != nullptr ? std::atoi(text) : HONE_CAN_PRELOAD ? 50 : 8;  // a sanitized program is slow
}

TEST(Kills, AtRandomMomentsLoseNothing) {
  const SmallRun small(kTrain, "", 2000);
  const auto start = steady_clock::now();
  const ProcessResult whole = run_hone(small.train("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  auto run_time = std::chrono::duration_cast<microseconds>(steady_clock::now() - start).count();
  ASSERT_EQ(read_metrics(small.folder / "whole/metrics.json").status, RunStatus::early_stopped);

  const int wanted = kills_wanted();
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed, 0);
  int kills = 0;
  for (int attempt = 0; kills < wanted; ++attempt) {
    ASSERT_LT(attempt, 20 * wanted) << "too few kills hit a running program";
    // A fresh folder whenever the run got through before the kills were all used.
    const std::string name = "killed" + std::to_string(attempt);
    const int before = kills;
    for (;;) {
      std::vector<std::string> command = small.train(name, {"--resume", "--threads", std::to_string(1 + kills % 3)});
      command.insert(command.begin(), hone_program());
      Process process(command);
      const bool last = kills == wanted;
      const auto delay = microseconds(random.below(static_cast<std::uint64_t>(run_time)));
      if (!last && !process.ended_within(std::chrono::duration_cast<std::chrono::milliseconds>(delay)))
        process.signal(SIGKILL);
      const ProcessResult result = process.wait();
      if (result.code == 128 + SIGKILL) {
        ++kills;
        continue;
      }
      ASSERT_EQ(result.code, 0) << result.err;  // it may also have ended just before the kill
      break;
    }
    if (kills == before) run_time = std::max(run_time * 3 / 4, 1000L);  // the first run was slow
    expect_same_run(small.folder / "whole", small.folder / name);
    if (HasFailure()) return;
    std::filesystem::remove_all(small.folder / name);
  }
  std::printf("%d kills\n", kills);
}

}  // namespace
}  // namespace hone::testing
