// Whether a run is good enough.
#pragma once

#include <optional>
#include <string>

#include "trainer/run/evaluate.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone {

inline constexpr double kDefaultTarget = 0.80;

struct Verdict {
  std::string metric;
  std::optional<double> value;  // nothing where it is unknown or not finite: that is never met
  double target = kDefaultTarget;
  bool met = false;
  std::optional<Interval> interval;  // 95 %; information, the value decides
  std::string reason;                // in words
};

// target: asked for; else the run's own, else 0.80. Throws Error(data), naming `file`, for a run that was interrupted
// or was not measured on the test split: there is nothing yet to be met or not met.
Verdict judge(const Metrics& metrics, std::optional<double> target, const std::string& file);

}  // namespace hone
