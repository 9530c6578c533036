#include "trainer/report/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hone {
namespace {

// 1, 2 or 5 times a power of ten.
double round_step(double span, int wanted) {
  const double rough = span / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) >= 1e6) return fmt::format("{:.3g}", value);
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  return fmt::format("{:.{}f}", value, decimals);
}

// Never empty, and narrow enough that nothing overflows.
void make_sound(double& low, double& high) {
  constexpr double kMost = 1e12;
  low = std::clamp(low, -kMost, kMost);
  high = std::clamp(high, -kMost, kMost);
  const double least = std::max(1e-9, 1e-9 * std::max(std::abs(low), std::abs(high)));
  if (high - low < least) high = low + least;
}

void put_ticks(Scale& scale, double step, double unit) {
  const auto first = static_cast<long long>(std::ceil(scale.low / step - 1e-6));
  const auto last = static_cast<long long>(std::floor(scale.high / step + 1e-6));
  for (long long k = first; k <= last; ++k) {
    const double value = static_cast<double>(k) * step;
    scale.ticks.push_back({value, tick_text(value / unit, step / unit)});
  }
}

}  // namespace

double Scale::place(double value) const {
  const double share = logarithmic ? (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low))
                                   : (value - low) / (high - low);
  return std::clamp(share, 0.0, 1.0);
}

Scale linear_scale(double low, double high, int wanted, bool whole, double unit) {
  make_sound(low, high);
  Scale scale{low, high, false, {}};
  const double step = round_step(high - low, wanted);
  put_ticks(scale, whole ? std::max(1.0, step) : step, unit);
  return scale;
}

Scale round_scale(double low, double high, int wanted, double unit) {
  make_sound(low, high);
  const double step = round_step(high - low, wanted);
  Scale scale{std::floor(low / step + 1e-6) * step, std::ceil(high / step - 1e-6) * step, false, {}};
  put_ticks(scale, step, unit);
  return scale;
}

Scale log_scale(double low, double high, int wanted) {
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = std::max(first + 1, static_cast<int>(std::ceil(std::log10(high) - 1e-9)));
  Scale scale{std::pow(10.0, first), std::pow(10.0, last), true, {}};
  const int step = std::max(1, (last - first + wanted - 1) / wanted);
  for (int k = first; k <= last; k += step) {
    const double value = std::pow(10.0, k);
    scale.ticks.push_back(
        {value, k >= -3 && k <= 4 ? fmt::format("{:.{}f}", value, std::max(0, -k)) : fmt::format("1e{}", k)});
  }
  return scale;
}

}  // namespace hone
