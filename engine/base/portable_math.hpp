// Functions whose result is bitwise the same on every machine: libm picks variants by CPU, these use only IEEE
// operations that are correctly rounded (+ - * / sqrt) in a fixed order. Compile without contraction.
#pragma once

#include <bit>
#include <cstdint>

namespace hone::portable {

// Natural logarithm of a positive, finite, normal x; error below 2 units in the last place away from 1.
// x = 2^e * m with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh((m - 1) / (m + 1)).
inline double log(double x) {
  constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 42 bits: e * kLn2High is exact
  constexpr double kLn2Low = 0x1.ef35793c76730p-45;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0;
  for (int n = 23; n >= 3; n -= 2) sum = (sum + 1.0 / n) * s2;
  const double e = exponent;
  return e * kLn2High + (2.0 * (s + s * sum) + e * kLn2Low);
}

struct SinCos {
  double sin;
  double cos;
};

// Sine and cosine of x radians, |x| <= 1e6; absolute error below 1e-15.
inline SinCos sin_cos(double x) {
  constexpr double kHalfPiHigh = 0x1.921fb544p0;  // 33 bits: turns * kHalfPiHigh is exact for the range above
  constexpr double kHalfPiMiddle = 0x1.0b4611a6p-34;
  constexpr double kHalfPiLow = 0x1.3198a2e037073p-69;
  const double scaled = x * 0.63661977236758134308;  // 2 / pi
  const auto turns = static_cast<std::int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  const auto t = static_cast<double>(turns);
  const double r = ((x - t * kHalfPiHigh) - t * kHalfPiMiddle) - t * kHalfPiLow;  // within pi / 4
  const double r2 = r * r;
  // Taylor series: at pi / 4 the first term left out is below 1e-17.
  double s = 0;
  for (int n = 17; n >= 3; n -= 2) s = (s + 1.0) * (-r2 / (n * (n - 1)));
  s = r + r * s;
  double c = 0;
  for (int n = 18; n >= 2; n -= 2) c = (c + 1.0) * (-r2 / (n * (n - 1)));
  c = 1.0 + c;
  switch (turns & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

}  // namespace hone::portable
