// Learning-rate schedules: pure functions of how far training has come. They use only correctly rounded operations in a
// fixed order, so that the rates are bitwise the same on every machine.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/component.hpp"

namespace hone {

struct TrainingProgress {
  double base = 0;                                 // the optimizer's learning_rate
  std::int64_t step = 0;                           // from 0, over the whole run
  std::int64_t steps_per_epoch = 1;                // at least 1
  std::int64_t epochs = 1;                         // of the whole run, at least 1
  std::span<const double> validation_losses = {};  // one for each finished epoch; only plateau looks at them
};

// A kind of schedule. rate() gives the learning rate of the step that `progress` is about to take.
struct ScheduleType : ComponentType {
  double (*rate)(const Component& schedule, const TrainingProgress& progress);
};

// The rate of a schedule that the config loader has checked. Throws Error(internal) for a type that is not registered.
double learning_rate(const Component& schedule, const TrainingProgress& progress);

}  // namespace hone
