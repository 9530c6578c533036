#include "trainer/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"

namespace hone {
namespace {

constexpr std::size_t kMostTrialsTold = 30;

struct Fact {
  std::string name, value;
};

struct Told {
  std::string trial, change, reason, result;
};

// What both forms say, not yet escaped.
struct Summary {
  std::vector<Fact> facts;
  std::vector<Told> trials;
  std::vector<std::string> changes;
};

std::string curve_text(const ReportTrial& trial) {
  const std::vector<double> values = validation_accuracies(trial);
  const std::string curve = sparkline(values);
  if (curve.empty()) return {};
  return curve + "  " + percent_text(values.front()) + " to " + percent_text(values.back());
}

std::vector<Fact> facts_of(const Report& report) {
  const ReportTrial& best = report.winner();
  std::vector<Fact> facts;
  if (report.before) facts.push_back({"Accuracy before", value_text(*report.before)});
  facts.push_back({report.before ? "Accuracy after" : "Accuracy", value_text(report.verdict)});
  facts.push_back({"Target", "at least " + percent_text(report.verdict.target)});
  if (best.validation_accuracy) facts.push_back({"On validation", percent_text(best.validation_accuracy)});
  if (const std::string curve = curve_text(best); !curve.empty()) facts.push_back({"By epoch", curve});
  std::string time = duration_text(total_seconds(report));
  if (report.many) time += fmt::format(" of training in {} trials", report.trials.size() + report.left_out);
  if (best.metrics && best.metrics->images_per_second)
    time += ", " + rate_text(best.metrics->images_per_second) + " images/s";
  facts.push_back({"Time", time});
  std::filesystem::path model = report.folder;
  if (report.many) model /= best.folder;
  if (best.model_file) model /= *best.model_file;
  facts.push_back({"Model", model.string()});
  return facts;
}

std::string result_of(const ReportTrial& trial) {
  std::string text = trial.state();
  if (trial.validation_accuracy) text += ", " + percent_text(trial.validation_accuracy) + " on validation";
  if (trial.metrics && trial.metrics->accuracy) text += ", " + percent_text(trial.metrics->accuracy) + " on test";
  return text;
}

Summary summary_of(const Report& report) {
  Summary summary;
  summary.facts = facts_of(report);
  if (!report.many) return summary;
  for (std::size_t i = 0; i < report.trials.size(); ++i) {
    const ReportTrial& trial = report.trials[i];
    if (i >= kMostTrialsTold && i != report.best) continue;
    summary.trials.push_back({trial_name(report, trial) + (i == report.best ? " (best)" : ""), change_text(trial),
                              trial.reason, result_of(trial)});
  }
  const auto& changes = report.winner().changes;
  summary.changes.assign(changes.begin(),
                         changes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(changes.size(), 30)));
  return summary;
}

std::string line_of(const std::string& text) { return clean_text(shortened(text)); }
std::string markup_of(const std::string& text) { return markup_text(shortened(text)); }

}  // namespace

std::string sparkline(const std::vector<double>& values, std::size_t width) {
  constexpr const char* kBlocks[] = {"\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x83", "\xE2\x96\x84",
                                     "\xE2\x96\x85", "\xE2\x96\x86", "\xE2\x96\x87", "\xE2\x96\x88"};
  if (values.size() < 2) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double range = *high - *low;
  const std::size_t count = std::min(width, values.size());
  std::string line;
  for (std::size_t k = 0; k < count; ++k) {
    const double value = values[k * (values.size() - 1) / (count - 1)];
    const double share = range > 0 ? (value - *low) / range : 0.5;
    line += kBlocks[std::min<std::size_t>(7, static_cast<std::size_t>(share * 8))];
  }
  return line;
}

std::string text_summary(const Report& report) {
  const Summary summary = summary_of(report);
  std::string out = line_of(report.name) + ": " + report.headline() + "\n" + line_of(report.why()) + "\n\n";
  for (const Fact& fact : summary.facts) out += fmt::format("{:<16} {}\n", fact.name, clean_text(fact.value));
  if (!summary.trials.empty()) out += "\nWhat was changed, and why\n";
  for (const Told& told : summary.trials) {
    out += fmt::format("  {}: {}\n", told.trial, line_of(told.change));
    if (!told.reason.empty()) out += "    because " + line_of(told.reason) + "\n";
    out += "    " + told.result + "\n";
  }
  if (!summary.changes.empty()) out += "\nIn total\n";
  for (const std::string& change : summary.changes) out += "  " + line_of(change) + "\n";
  return out;
}

std::string mail_summary(const Report& report) {
  const Summary summary = summary_of(report);
  const char* const colour = report.verdict.met                      ? "#1a7f37"
                             : report.headline() == "Target not met" ? "#b42318"
                                                                     : "#8a6100";
  std::string out = fmt::format(
      "<div style=\"font:15px/1.5 sans-serif\">\n<p style=\"margin:0;color:#566273\">{}</p>\n"
      "<p style=\"margin:0 0 6px;font-size:22px;font-weight:bold;color:{}\">{}</p>\n<p style=\"margin:0 0 "
      "12px\">{}</p>\n"
      "<table style=\"border-collapse:collapse\">\n",
      markup_of(report.name), colour, report.headline(), markup_of(report.why()));
  for (const Fact& fact : summary.facts)
    out += fmt::format(
        "<tr><td style=\"padding:2px 16px 2px 0;color:#566273\">{}</td><td style=\"padding:2px 0\">{}</td></tr>\n",
        fact.name, markup_text(fact.value));
  out += "</table>\n";
  if (!summary.trials.empty())
    out +=
        "<p style=\"margin:14px 0 4px;font-weight:bold\">What was changed, and why</p>\n<table "
        "style=\"border-collapse:collapse\">\n";
  constexpr const char* kCell = "<td style=\"padding:4px 14px 4px 0;border-top:1px solid #dde3ea;vertical-align:top\">";
  for (const Told& told : summary.trials)
    out += fmt::format("<tr>{0}{1}</td>{0}{2}</td>{0}{3}</td>{0}{4}</td></tr>\n", kCell, told.trial,
                       markup_of(told.change), told.reason.empty() ? "" : "because " + markup_of(told.reason),
                       told.result);
  if (!summary.trials.empty()) out += "</table>\n";
  if (!summary.changes.empty()) out += "<p style=\"margin:14px 0 4px;font-weight:bold\">In total</p>\n";
  for (const std::string& change : summary.changes)
    out += "<p style=\"margin:0;font-family:monospace\">" + markup_of(change) + "</p>\n";
  return out + "</div>\n";
}

}  // namespace hone
