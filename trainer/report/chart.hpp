// Line charts as inline SVG. Colours and widths come from the page's style: class c0, c1 ... of a curve.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/report/scale.hpp"

namespace hone {

struct Point {
  double x = 0, y = 0;
};

struct Curve {
  std::vector<std::vector<Point>> pieces;  // broken where a value is missing
  int slot = 0;                            // colour and marker; kRest: one of many
  bool dashed = false;
  std::string label;  // at its right end; empty: none

  bool empty() const { return pieces.empty(); }
  const Point& last() const { return pieces.back().back(); }
};

inline constexpr int kSlots = 8;
inline constexpr int kRest = kSlots;

struct Chart {
  std::string title, x_label, y_label;
  Scale x, y;
  std::vector<Curve> curves;        // the last is on top
  std::optional<double> reference;  // a horizontal line
  std::string reference_label;
};

// Curves lie within the scales; what does not is drawn at the edge. Texts are escaped here.
std::string svg(const Chart& chart);

// c0 ... c7, or cx.
std::string slot_class(int slot);
// The path of a slot's marker: told apart without colour.
std::string marker(int slot, double x, double y);

}  // namespace hone
