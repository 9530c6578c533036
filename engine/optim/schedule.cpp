#include "engine/optim/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/base/portable_math.hpp"
#include "engine/optim/registry.hpp"

namespace hone {
namespace {

constexpr double kMaxEpochs = 100000;
constexpr double kPi = 3.14159265358979323846;

std::int64_t epoch_of(const TrainingProgress& p) { return p.step / p.steps_per_epoch; }

// factor^n, n >= 0, by squaring.
double power(double factor, std::int64_t n) {
  double result = 1;
  for (double square = factor; n > 0; n >>= 1, square *= square)
    if ((n & 1) != 0) result *= square;
  return result;
}

// From `start` at share 0 to `end` at share 1 along half a cosine.
double half_cosine(double start, double end, double share) {
  return end + (start - end) * 0.5 * (1 + portable::sin_cos(kPi * share).cos);
}

double constant(const Component&, const TrainingProgress& p) { return p.base; }

// base * factor^floor(epoch / every_epochs)
double step(const Component& s, const TrainingProgress& p) {
  return p.base * power(s.real("factor"), epoch_of(p) / s.integer("every_epochs"));
}

// base * factor^epoch
double exponential(const Component& s, const TrainingProgress& p) {
  return p.base * power(s.real("factor"), epoch_of(p));
}

// Linear from base / W at the first of the W warm-up steps to base at their last, then
// min + (base - min) * (1 + cos(pi * (step - W) / (all steps - W))) / 2  (Loshchilov and Hutter 2017, one cycle).
double cosine(const Component& s, const TrainingProgress& p) {
  const std::int64_t steps = p.epochs * p.steps_per_epoch;
  const std::int64_t warmup = std::lround(s.real("warmup_epochs") * static_cast<double>(p.steps_per_epoch));
  if (p.step < warmup) return p.base * (static_cast<double>(p.step + 1) / static_cast<double>(warmup));
  const double share =
      static_cast<double>(p.step - warmup) / static_cast<double>(std::max<std::int64_t>(steps - warmup, 1));
  return half_cosine(p.base, s.real("min_learning_rate"), std::min(share, 1.0));
}

// Half a cosine up from base to max_learning_rate at step warmup_share * all - 1, half a cosine down to base / 10000 at
// the last step (Smith 2017, with PyTorch's phases).
double one_cycle(const Component& s, const TrainingProgress& p) {
  const double top = s.real("max_learning_rate");
  const double last = static_cast<double>(p.epochs * p.steps_per_epoch - 1);
  const double peak = std::clamp(s.real("warmup_share") * (last + 1) - 1, 0.0, last);
  const double at = std::min(static_cast<double>(p.step), last);
  if (at < peak) return half_cosine(p.base, top, at / peak);
  if (last == peak) return top;
  return half_cosine(top, p.base / 10000, (at - peak) / (last - peak));
}

// Multiplies by factor whenever more than `patience` epochs in a row have not brought the validation loss below
// 0.9999 of its best (PyTorch's ReduceLROnPlateau and its default threshold). A loss that is not a number is no gain.
double plateau(const Component& s, const TrainingProgress& p) {
  double rate = p.base;
  double best = std::numeric_limits<double>::infinity();
  std::int64_t bad = 0;
  for (const double loss : p.validation_losses) {
    if (loss < best * (1 - 1e-4)) {
      best = loss;
      bad = 0;
    } else if (++bad > s.integer("patience")) {
      rate *= s.real("factor");
      bad = 0;
    }
  }
  return rate;
}

constexpr OptionSpec kFactor{"factor", OptionKind::real, "", "what the rate is multiplied by", kAboveZero, 1};
constexpr OptionSpec kStepOptions[] = {
    {"every_epochs", OptionKind::integer, "", "epochs between two changes", 1, kMaxEpochs},
    kFactor,
};
constexpr OptionSpec kExponentialOptions[] = {
    {"factor", OptionKind::real, "", "what the rate is multiplied by after each epoch", kAboveZero, 1, {}, true},
};
constexpr OptionSpec kCosineOptions[] = {
    {"warmup_epochs", OptionKind::real, "0", "epochs of linear increase at the start", 0, kMaxEpochs},
    {"min_learning_rate", OptionKind::real, "0", "rate that the last step comes down to", 0, 1000},
};
constexpr OptionSpec kOneCycleOptions[] = {
    {"max_learning_rate",
     OptionKind::real,
     "",
     "highest rate; the optimizer's is where it starts",
     kAboveZero,
     1000,
     {},
     true},
    {"warmup_share", OptionKind::real, "0.3", "share of the steps that increase the rate", 0, 1},
};
constexpr OptionSpec kPlateauOptions[] = {
    {"patience", OptionKind::integer, "", "epochs without a lower validation loss that are waited for", 0, kMaxEpochs},
    kFactor,
};

constexpr ScheduleType kConstant{{"constant", "the optimizer's learning rate throughout", {}}, constant};
constexpr ScheduleType kStep{{"step", "multiplies the rate every few epochs", kStepOptions}, step};
constexpr ScheduleType kExponential{{"exponential", "multiplies the rate each epoch", kExponentialOptions},
                                    exponential};
constexpr ScheduleType kCosine{{"cosine", "linear warm-up, then half a cosine down", kCosineOptions}, cosine};
constexpr ScheduleType kOneCycle{{"one_cycle", "half a cosine up, half a cosine down", kOneCycleOptions}, one_cycle};
constexpr ScheduleType kPlateau{{"plateau", "multiplies the rate when the validation loss stalls", kPlateauOptions},
                                plateau};

// A new schedule: its function, its table, one line here.
constexpr std::array<const ScheduleType*, 6> kSchedules = {&kConstant, &kStep,     &kExponential,
                                                           &kCosine,   &kOneCycle, &kPlateau};
constexpr auto kTypes = [] {
  std::array<const ComponentType*, kSchedules.size()> types{};
  std::copy(kSchedules.begin(), kSchedules.end(), types.begin());
  return types;
}();

const ScheduleType* find(std::string_view name) {
  const auto found =
      std::find_if(kSchedules.begin(), kSchedules.end(), [&](const ScheduleType* type) { return type->name == name; });
  return found == kSchedules.end() ? nullptr : *found;
}

}  // namespace

std::span<const ComponentType* const> schedule_types() { return kTypes; }
const ComponentType* find_schedule_type(std::string_view name) { return find(name); }

double learning_rate(const Component& schedule, const TrainingProgress& progress) {
  const ScheduleType* type = find(schedule.type);
  if (type == nullptr) throw Error(ErrorKind::internal, schedule.where, "no schedule is named '" + schedule.type + "'");
  return type->rate(schedule, progress);
}

}  // namespace hone
