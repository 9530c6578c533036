// Where the runs so far stand against the target: the one place that decides whether anything is left to do.
#pragma once

#include <cstddef>
#include <span>

#include "trainer/run/metrics_file.hpp"

namespace hone {

// What candidates are ranked by.
struct Rank {
  double value = -1;      // higher is better; -1: worth nothing
  bool held_out = false;  // seen on images that training has not seen: nothing else shows that a target is reached
};

// Place of the highest value, the earliest on a tie. `runs` is not empty.
std::size_t best_of(std::span<const Rank> runs);

struct Standing {
  std::size_t best = 0;  // place of the run to hand over, or to go on from
  bool reached = false;
};

// runs[0] is the user's own model; own_met, its verdict on the test split, decides about it. A candidate reaches the
// target by its rank, so that nothing of the test split chooses among candidates.
Standing standing(std::span<const Rank> runs, bool own_met, double target);

// Whether a run was measured on the test split and meets `target` there.
bool meets_on_test(const Metrics& metrics, double target);

}  // namespace hone
