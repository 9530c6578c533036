// What could not be read: a damaged trial is told, not left out in silence.
#include <fmt/format.h>

#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kProblemsSection;

namespace {

// The place of the runs does not matter to what is wrong with them.
std::string message_of(const Error& error, const Report& report) {
  const std::string message = error.what(), folder = report.folder.string() + "/";
  return message.starts_with(folder) ? message.substr(folder.size()) : message;
}

std::string html(const Report& report) {
  std::string items;
  for (const ReportTrial& trial : report.trials)
    for (const Error& error : trial.problems)
      items += fmt::format("<li>{}: {}</li>\n", trial_name(report, trial),
                           markup_text(shortened(message_of(error, report))));
  if (report.left_out > 0) items += fmt::format("<li>{} more trials are not shown.</li>\n", report.left_out);
  return items.empty() ? "" : "<ul>\n" + items + "</ul>\n";
}

}  // namespace

const Section kProblemsSection = {"problems", "What could not be read", html};

}  // namespace hone
