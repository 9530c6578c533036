#include "trainer/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "trainer/report/escape.hpp"

namespace hone {
namespace {

constexpr double kWidth = 540, kHeight = 340;
constexpr double kLeft = 62, kRight = 446, kTop = 40, kBottom = 286;  // of the plot
constexpr double kLabelHeight = 14;
constexpr std::size_t kMostMarkers = 24;

double x_of(const Chart& chart, double value) { return kLeft + (kRight - kLeft) * chart.x.place(value); }
double y_of(const Chart& chart, double value) { return kBottom - (kBottom - kTop) * chart.y.place(value); }

std::string axes(const Chart& chart) {
  std::string out;
  for (const Tick& tick : chart.y.ticks) {
    const double y = y_of(chart, tick.value);
    out += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kRight);
    out += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 8, y + 4,
                       tick.text);
  }
  for (const Tick& tick : chart.x.ticks) {
    const double x = x_of(chart, tick.value);
    out += fmt::format("<path class=\"axis\" d=\"M{:.1f} {}v5\"/>", x, kBottom);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", x, kBottom + 19,
                       tick.text);
  }
  out += fmt::format("<path class=\"axis\" d=\"M{} {}V{}H{}\"/>\n", kLeft, kTop, kBottom, kRight);
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"20\">{}</text>", kLeft, markup_text(chart.title));
  out += fmt::format("<text class=\"unit\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", (kLeft + kRight) / 2,
                     kHeight - 12, markup_text(chart.x_label));
  out +=
      fmt::format("<text class=\"unit\" transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                  (kTop + kBottom) / 2, markup_text(chart.y_label));
  return out;
}

std::string reference(const Chart& chart) {
  if (!chart.reference) return {};
  const double y = y_of(chart, *chart.reference);
  return fmt::format(
      "<path class=\"target\" d=\"M{0} {1:.1f}H{2}\"/><text class=\"target-text\" x=\"{3}\" y=\"{4:.1f}\">{5}</text>\n",
      kLeft, y, kRight, kLeft + 6, y - 6, markup_text(chart.reference_label));
}

std::string line(const Chart& chart, const Curve& curve) {
  std::string path, markers;
  std::size_t points = 0;
  for (const auto& piece : curve.pieces) points += piece.size();
  for (const auto& piece : curve.pieces) {
    char command = 'M';
    for (const Point& point : piece) {
      const double x = x_of(chart, point.x), y = y_of(chart, point.y);
      path += fmt::format("{}{:.1f} {:.1f}", std::exchange(command, 'L'), x, y);
      const bool last = &point == &curve.last();
      // A single point between gaps would be no line at all.
      if (curve.slot < kRest && (last || piece.size() == 1 || (!curve.dashed && points <= kMostMarkers)))
        markers += marker(curve.slot, x, y);
    }
  }
  const std::string of = slot_class(curve.slot);
  std::string out = fmt::format("<path class=\"line {}{}\" d=\"{}\"/>", of, curve.dashed ? " train" : "", path);
  if (!markers.empty())
    out += fmt::format("<path class=\"mark {}{}\" d=\"{}\"/>", of, curve.dashed ? " train" : "", markers);
  return out + "\n";
}

// At the right ends, pushed apart where they would overlap.
std::string labels(const Chart& chart) {
  struct Label {
    double y, end;
    const Curve* curve;
  };
  std::vector<Label> all;
  for (const Curve& curve : chart.curves) {
    const double y = y_of(chart, curve.last().y);
    if (!curve.label.empty()) all.push_back({y, y, &curve});
  }
  std::stable_sort(all.begin(), all.end(), [](const Label& a, const Label& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < all.size(); ++i) all[i].y = std::max(all[i].y, all[i - 1].y + kLabelHeight);
  double lowest = kBottom;
  for (std::size_t i = all.size(); i-- > 0; lowest = all[i].y - kLabelHeight) all[i].y = std::min(all[i].y, lowest);
  std::string out;
  for (const Label& label : all) {
    const double x = x_of(chart, label.curve->last().x);
    const std::string of = slot_class(label.curve->slot);
    out += fmt::format("<path class=\"lead {}\" d=\"M{:.1f} {:.1f}L{} {:.1f}\"/>", of, x + 5, label.end, kRight + 8,
                       label.y);
    out += fmt::format("<text class=\"end {}\" x=\"{}\" y=\"{:.1f}\">{}</text>\n", of, kRight + 11, label.y + 4,
                       markup_text(label.curve->label));
  }
  return out;
}

}  // namespace

std::string slot_class(int slot) { return slot < kSlots ? "c" + std::to_string(slot) : "cx"; }

std::string marker(int slot, double x, double y) {
  constexpr const char* kShapes[kSlots] = {
      "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",                               // circle
      "m-3.3-3.3h6.6v6.6h-6.6z",                                                    // square
      "m0-4.2l4.2 7.2h-8.4z",                                                       // triangle
      "m0-4.6l4.6 4.6l-4.6 4.6l-4.6-4.6z",                                          // diamond
      "m0 4.2l4.2-7.2h-8.4z",                                                       // triangle, down
      "m-1.2-4.2h2.4v3h3v2.4h-3v3h-2.4v-3h-3v-2.4h3z",                              // plus
      "m-4.2-3l1.2-1.2l3 3l3-3l1.2 1.2l-3 3l3 3l-1.2 1.2l-3-3l-3 3l-1.2-1.2l3-3z",  // cross
      "m-4.5-2h9v4h-9z",                                                            // bar
  };
  return fmt::format("M{:.1f} {:.1f}{}", x, y, kShapes[std::clamp(slot, 0, kSlots - 1)]);
}

std::string svg(const Chart& chart) {
  std::string out = fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                                kHeight, markup_text(chart.title + ": " + chart.y_label + " by " + chart.x_label));
  out += axes(chart) + reference(chart);
  for (const Curve& curve : chart.curves) out += line(chart, curve);
  return out + labels(chart) + "</svg>\n";
}

}  // namespace hone
