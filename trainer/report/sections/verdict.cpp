// Whether the model is good enough: what a reader wants to know first.
#include <fmt/format.h>

#include <algorithm>

#include "trainer/report/chart.hpp"
#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kVerdictSection;

namespace {

constexpr double kWidth = 540, kLeft = 92, kRight = 510, kRow = 34, kTop = 38;

struct Row {
  std::string name;
  const Verdict* verdict;
  int slot;
};

void span(const Verdict& verdict, double& low, double& high) {
  if (!verdict.value) return;
  const Interval at = verdict.interval.value_or(Interval{*verdict.value, *verdict.value});
  low = std::min(low, at.low);
  high = std::max(high, at.high);
}

// The values with their intervals against the target.
std::string picture(const Report& report) {
  std::vector<Row> rows;
  if (report.before && report.before->value) rows.push_back({"before", &*report.before, 0});
  if (report.measured()) rows.push_back({report.before ? "after" : "test split", &report.verdict, 1});
  if (rows.empty()) return {};
  const double target = report.verdict.target;
  double low = target, high = target;
  for (const Row& row : rows) span(*row.verdict, low, high);
  const double margin = std::max(0.002, 0.08 * (high - low));
  const Scale scale = linear_scale(std::max(0.0, low - margin), std::min(1.0, high + margin), 5, false, 0.01);
  const auto x_of = [&](double value) { return kLeft + (kRight - kLeft) * scale.place(value); };
  const double bottom = kTop + kRow * static_cast<double>(rows.size());

  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"accuracy on the test split with 95 % intervals, against "
      "the "
      "target\">\n",
      kWidth, bottom + 46);
  for (const Tick& tick : scale.ticks)
    out += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"tick\" x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4}</text>\n",
        x_of(tick.value), kTop, bottom, bottom + 18, tick.text);
  out += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>", kLeft, bottom, kRight);
  out += fmt::format(
      "<text class=\"unit\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">accuracy on the test split (%){}</text>\n",
      (kLeft + kRight) / 2, bottom + 38, report.verdict.interval ? ", bars: 95 % interval" : "");
  const double at = x_of(target);
  const char* anchor = at > kWidth - 130 ? "end" : at < kLeft + 60 ? "start" : "middle";
  out += fmt::format(
      "<path class=\"target\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"target-text\" x=\"{0:.1f}\" y=\"{3}\" "
      "text-anchor=\"{4}\">target {5}</text>\n",
      at, kTop - 10, bottom, kTop - 16, anchor, percent_text(target));
  double y = kTop + kRow / 2;
  for (const Row& row : rows) {
    const Verdict& verdict = *row.verdict;
    const double value = x_of(std::clamp(*verdict.value, 0.0, 1.0));
    const std::string of = slot_class(row.slot);
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 10, y + 4.5, row.name);
    if (verdict.interval)
      out += fmt::format(
          "<path class=\"whisker {0}\" d=\"M{1:.1f} {3:.1f}H{2:.1f}M{1:.1f} {4:.1f}v10M{2:.1f} {4:.1f}v10\"/>", of,
          x_of(verdict.interval->low), x_of(verdict.interval->high), y, y - 5);
    out += fmt::format("<path class=\"mark {}\" d=\"{}\"/>\n", of, marker(row.slot, value, y));
    y += kRow;
  }
  return out + "</svg>\n";
}

// more: in a softer colour behind the value.
std::string fact(const std::string& name, const std::string& value, const std::string& more = {},
                 const char* css = "") {
  const std::string behind = more.empty() ? "" : " <span class=\"soft\">" + markup_text(more) + "</span>";
  return fmt::format("<dt>{}</dt><dd><span{}>{}</span>{}</dd>\n", name, css, markup_text(value), behind);
}

std::string interval_of(const Verdict& verdict) {
  return verdict.interval ? "(95 %: " + interval_text(*verdict.interval) + ")" : std::string();
}

std::string html(const Report& report) {
  const Verdict& verdict = report.verdict;
  const bool missed = report.headline() == "Target not met";
  const char* const css = verdict.met ? "met" : missed ? "missed" : "none";
  const char* const sign = verdict.met ? "\xE2\x9C\x93" : missed ? "\xE2\x9C\x97" : "?";
  const ReportTrial& best = report.winner();
  std::string out =
      fmt::format("<div class=\"{}\">\n<p class=\"name\">{}</p>\n<h1>{} {}</h1>\n<p>{}</p>\n", css,
                  markup_text(shortened(report.name)), sign, report.headline(), markup_text(report.why()));
  out += "<div class=\"split\">\n<dl class=\"facts\">\n";
  if (report.before) out += fact("before", percent_text(report.before->value), interval_of(*report.before));
  out +=
      fact(report.before ? "after" : "accuracy", percent_text(verdict.value), interval_of(verdict), " class=\"big\"");
  out += fact("target", "at least " + percent_text(verdict.target));
  if (best.metrics && best.metrics->test_images)
    out += fact("measured on", count_text(best.metrics->test_images) + " test images");
  if (best.validation_accuracy) out += fact("on validation", percent_text(best.validation_accuracy));
  if (report.many)
    out += fact("best", trial_name(report, best) + " of " + std::to_string(report.trials.size() + report.left_out));
  out += fact("state", best.state());
  return out + "</dl>\n<div>" + picture(report) + "</div>\n</div>\n</div>\n";
}

}  // namespace

const Section kVerdictSection = {"verdict", "", html};

}  // namespace hone
