// An axis: which values it spans, and where its ticks are.
#pragma once

#include <string>
#include <vector>

namespace hone {

struct Tick {
  double value = 0;
  std::string text;
};

struct Scale {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<Tick> ticks;

  // 0 at low, 1 at high.
  double place(double value) const;
};

// From low to high as they are, with about `wanted` round ticks between them; whole: at whole numbers only. `unit` is
// what the texts are multiples of: 0.01 for per cent.
Scale linear_scale(double low, double high, int wanted, bool whole = false, double unit = 1);
// Widened to whole ticks at both ends.
Scale round_scale(double low, double high, int wanted, double unit = 1);
// Powers of ten, widened to them. 0 < low.
Scale log_scale(double low, double high, int wanted);

}  // namespace hone
