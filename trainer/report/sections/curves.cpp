// Loss and accuracy by epoch, of every trial.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/report/chart.hpp"
#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kCurvesSection;

namespace {

using Column = std::optional<double> HistoryRow::*;

constexpr std::size_t kMostRest = 200;  // curves beyond those with a colour

// Slots: the user's own model 0, the best 1, then those with the best validation accuracy; the others share kRest.
std::vector<int> slots_of(const Report& report) {
  std::vector<int> slots(report.trials.size(), kRest);
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < report.trials.size(); ++i) {
    if (i == report.best)
      slots[i] = 1;
    else if (report.trials[i].number == 0)
      slots[i] = 0;
    else if (!report.trials[i].history.empty())
      others.push_back(i);
  }
  std::stable_sort(others.begin(), others.end(), [&](std::size_t a, std::size_t b) {
    return report.trials[a].validation_accuracy.value_or(-1) > report.trials[b].validation_accuracy.value_or(-1);
  });
  others.resize(std::min<std::size_t>(others.size(), kSlots - 2));
  std::sort(others.begin(), others.end());
  int slot = 2;
  for (const std::size_t i : others) slots[i] = slot++;
  return slots;
}

Curve curve_of(const ReportTrial& trial, Column column, int slot) {
  Curve curve;
  curve.slot = slot;
  bool broken = true;
  for (const HistoryRow& row : trial.history) {
    const bool known = row.*column && std::isfinite(*(row.*column));
    if (known && broken) curve.pieces.emplace_back();
    if (known) curve.pieces.back().push_back({static_cast<double>(row.epoch), *(row.*column)});
    broken = !known;
  }
  return curve;
}

// Those of the best last, so that they are on top.
std::vector<Curve> curves_of(const Report& report, const std::vector<int>& slots, Column train, Column validation) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < report.trials.size(); ++i)
    if (i != report.best) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return slots[a] > slots[b]; });
  order.push_back(report.best);
  std::vector<Curve> curves;
  std::size_t rest = 0;
  for (const std::size_t i : order) {
    const ReportTrial& trial = report.trials[i];
    if (slots[i] == kRest && ++rest > kMostRest) continue;
    Curve dashed = curve_of(trial, train, slots[i]), solid = curve_of(trial, validation, slots[i]);
    dashed.dashed = true;
    const std::string name = report.many ? "trial " + std::to_string(trial.number) : "";
    if (slots[i] < kRest && report.many) (solid.empty() ? dashed : solid).label = name;
    if (!report.many) {
      dashed.label = "training";
      solid.label = "validation";
    }
    if (!dashed.empty() && (slots[i] < kRest || solid.empty())) curves.push_back(std::move(dashed));
    if (!solid.empty()) curves.push_back(std::move(solid));
  }
  return curves;
}

struct Span {
  double low = INFINITY, high = -INFINITY;
};

template <class Value>
Span span_of(const std::vector<Curve>& curves, Value value) {
  Span span;
  for (const Curve& curve : curves)
    for (const auto& piece : curve.pieces)
      for (const Point& point : piece) {
        span.low = std::min(span.low, value(point));
        span.high = std::max(span.high, value(point));
      }
  return span;
}

Scale epoch_scale(const std::vector<Curve>& curves) {
  const Span span = span_of(curves, [](const Point& point) { return point.x; });
  if (span.high - span.low < 1) return linear_scale(span.low - 1, span.high + 1, 2, true);
  const double margin = 0.02 * (span.high - span.low);
  return linear_scale(span.low - margin, span.high + margin, 8, true);
}

std::string loss_chart(const Report& report, const std::vector<int>& slots) {
  Chart chart;
  chart.curves = curves_of(report, slots, &HistoryRow::train_loss, &HistoryRow::validation_loss);
  if (chart.curves.empty()) return {};
  const Span span = span_of(chart.curves, [](const Point& point) { return point.y; });
  // One that blew up, or ten times as good as another, would be all that a linear axis shows.
  constexpr double kWide = 30, kLeast = 1e-12, kMost = 1e12;
  const bool wide = span.low > 0 && span.high / span.low > kWide;
  chart.title = "Loss";
  chart.x_label = "epoch";
  chart.y_label = wide ? "cross-entropy (nats), log scale" : "cross-entropy (nats)";
  chart.x = epoch_scale(chart.curves);
  chart.y = wide ? log_scale(std::clamp(span.low, kLeast, kMost), std::clamp(span.high, kLeast, kMost), 6)
                 : round_scale(std::min(0.0, span.low), span.high, 5);
  return svg(chart);
}

std::string accuracy_chart(const Report& report, const std::vector<int>& slots) {
  Chart chart;
  chart.curves = curves_of(report, slots, &HistoryRow::train_accuracy, &HistoryRow::validation_accuracy);
  if (chart.curves.empty()) return {};
  const Span span = span_of(chart.curves, [](const Point& point) { return point.y; });
  const double target = report.verdict.target;
  chart.title = "Accuracy";
  chart.x_label = "epoch";
  chart.y_label = "accuracy (%)";
  chart.x = epoch_scale(chart.curves);
  chart.y = round_scale(std::clamp(std::min(span.low, target), 0.0, 1.0),
                        std::clamp(std::max(span.high, target), 0.0, 1.0), 5, 0.01);
  chart.reference = target;
  chart.reference_label = "target " + percent_text(target);
  return svg(chart);
}

std::string swatch(int slot, bool dashed, bool with_marker) {
  const std::string of = slot_class(slot);
  std::string out = "<svg viewBox=\"0 0 38 12\" aria-hidden=\"true\">";
  out += fmt::format("<path class=\"line {}{}\" d=\"M2 6H36\"/>", of, dashed ? " train" : "");
  if (with_marker) out += fmt::format("<path class=\"mark {}\" d=\"{}\"/>", of, marker(slot, 19, 6));
  return out + "</svg>";
}

std::string legend(const Report& report, const std::vector<int>& slots) {
  std::string out = "<ul class=\"legend\">\n";
  std::size_t rest = 0;
  for (std::size_t i = 0; i < report.trials.size() && report.many; ++i) {
    const ReportTrial& trial = report.trials[i];
    if (trial.history.empty()) continue;
    if (slots[i] == kRest) {
      ++rest;
      continue;
    }
    out += fmt::format("<li>{}<span>{}{} <span class=\"soft\">{}</span></span></li>\n", swatch(slots[i], false, true),
                       trial_name(report, trial), i == report.best ? " (best)" : "",
                       markup_text(shortened(change_text(trial), 80)));
  }
  if (rest > 0) out += fmt::format("<li>{}<span>{} others</span></li>\n", swatch(kRest, false, false), rest);
  out += fmt::format("<li>{}<span class=\"soft\">validation</span></li>\n", swatch(1, false, false));
  out += fmt::format("<li>{}<span class=\"soft\">training</span></li>\n", swatch(1, true, false));
  return out + "</ul>\n";
}

std::string html(const Report& report) {
  const std::vector<int> slots = slots_of(report);
  const std::string charts = accuracy_chart(report, slots) + loss_chart(report, slots);
  if (charts.empty()) return "<p class=\"soft\">No epoch has ended, or the runs wrote no history.csv.</p>\n";
  return "<div class=\"charts\">\n" + charts + "</div>\n" + legend(report, slots);
}

}  // namespace

const Section kCurvesSection = {"curves", "Training", html};

}  // namespace hone
