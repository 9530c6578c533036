// What was changed and why, trial by trial, and what came of it.
#include <fmt/format.h>

#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kChangesSection;

namespace {

constexpr std::size_t kMostChanges = 60;

std::string row(const Report& report, std::size_t place) {
  const ReportTrial& trial = report.trials[place];
  const bool best = place == report.best;
  const std::string reason = trial.reason.empty() ? kUnknown : shortened(trial.reason);
  std::optional<std::int64_t> epochs;
  if (trial.metrics) epochs = trial.metrics->epochs_done;
  if (!epochs && !trial.history.empty()) epochs = trial.history.back().epoch;
  return fmt::format(
      "<tr{}><th scope=\"row\">{}{}</th><td class=\"text\">{}</td><td class=\"text\">{}</td><td class=\"n\">{}</td>"
      "<td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
      best ? " class=\"best\"" : "", trial_name(report, trial), best ? " \xE2\x98\x85" : "",
      markup_text(shortened(change_text(trial))), markup_text(reason), count_text(epochs),
      percent_text(trial.validation_accuracy),
      percent_text(trial.metrics ? trial.metrics->accuracy : std::optional<double>()), trial.state());
}

std::string in_total(const Report& report) {
  const ReportTrial& best = report.winner();
  if (best.changes.empty()) return {};
  std::string out = fmt::format("<h3>In total, from trial 0 to trial {}</h3>\n<ul class=\"mono\">\n", best.number);
  for (std::size_t i = 0; i < std::min(best.changes.size(), kMostChanges); ++i)
    out += "<li>" + markup_text(shortened(best.changes[i])) + "</li>\n";
  if (best.changes.size() > kMostChanges)
    out += fmt::format("<li>and {} more</li>\n", best.changes.size() - kMostChanges);
  return out + "</ul>\n";
}

std::string html(const Report& report) {
  if (!report.many) {
    const ReportTrial& run = report.winner();
    if (run.rule.empty()) return {};
    return fmt::format("<p>{}, because {}.</p>\n", markup_text(shortened(change_text(run))),
                       markup_text(shortened(run.reason)));
  }
  std::string out =
      "<div class=\"wide\"><table class=\"trials\">\n<thead><tr><th scope=\"col\">trial</th><th "
      "scope=\"col\">change</th>"
      "<th scope=\"col\">because</th><th scope=\"col\" class=\"n\">epochs</th><th scope=\"col\" "
      "class=\"n\">validation</th>"
      "<th scope=\"col\" class=\"n\">test</th><th scope=\"col\">state</th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < report.trials.size(); ++i) out += row(report, i);
  return out +
         "</tbody></table></div>\n<p class=\"soft\">Trials are ranked on validation images; the test split was looked "
         "at "
         "for trial 0 and the best one (\xE2\x98\x85) only.</p>\n" +
         in_total(report);
}

}  // namespace

const Section kChangesSection = {"changes", "What was changed, and why", html};

}  // namespace hone
