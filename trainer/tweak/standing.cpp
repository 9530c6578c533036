#include "trainer/tweak/standing.hpp"

#include "trainer/run/final_test.hpp"
#include "trainer/run/gate.hpp"

namespace hone {

std::size_t best_of(std::span<const Rank> runs) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < runs.size(); ++i)
    if (runs[i].value > runs[best].value) best = i;
  return best;
}

Standing standing(std::span<const Rank> runs, bool own_met, double target) {
  if (own_met) return {0, true};
  const std::size_t best = best_of(runs);
  return {best, best > 0 && runs[best].held_out && runs[best].value >= target};
}

bool meets_on_test(const Metrics& metrics, double target) {
  return metrics.status != RunStatus::interrupted && !untested(metrics) && judge(metrics, target, "").met;
}

}  // namespace hone
