#include "trainer/run/gate.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/base/error.hpp"
#include "trainer/run/final_test.hpp"

namespace hone {

Verdict judge(const Metrics& metrics, std::optional<double> target, const std::string& file) {
  if (metrics.status == RunStatus::interrupted)
    throw Error(ErrorKind::data, Location{file}, "the run was interrupted; expected one that has ended (--resume)");
  if (untested(metrics))
    throw Error(ErrorKind::data, Location{file},
                "the run was not measured on the test split; expected one that was (hone train --resume measures it)");
  Verdict verdict;
  verdict.metric = metrics.metric.value_or("accuracy");
  verdict.target = target.value_or(metrics.target.value_or(kDefaultTarget));
  verdict.value = metrics.value ? metrics.value : metrics.accuracy;
  if (verdict.value && !std::isfinite(*verdict.value)) verdict.value.reset();
  if (metrics.status == RunStatus::diverged) {
    verdict.reason = "the run diverged";
  } else if (!verdict.value) {
    verdict.reason = verdict.metric + " is unknown or not finite";
  } else {
    verdict.met = *verdict.value >= verdict.target;
    verdict.reason = fmt::format("{} is {}, the target {}", verdict.metric, *verdict.value, verdict.target);
  }
  if (verdict.value && metrics.test_images) verdict.interval = wilson_interval(*verdict.value, *metrics.test_images);
  return verdict;
}

}  // namespace hone
