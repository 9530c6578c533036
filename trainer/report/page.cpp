#include "trainer/report/page.hpp"

#include <fmt/format.h>

#include "engine/base/file.hpp"
#include "trainer/report/escape.hpp"
#include "trainer/report/section.hpp"
#include "trainer/report/sha256.hpp"
#include "trainer/report/style.hpp"

namespace hone {

extern const Section kVerdictSection, kCurvesSection, kChangesSection, kMistakesSection, kTimingSection, kConfigSection,
    kProblemsSection;

namespace {

// A new section: one line here.
constexpr const Section* kSections[] = {&kVerdictSection,  &kProblemsSection, &kCurvesSection, &kChangesSection,
                                        &kMistakesSection, &kTimingSection,   &kConfigSection};

std::string style_hash() {
  const auto digest = sha256(kStyle);
  return "sha256-" + base64(std::string(digest.begin(), digest.end()));
}

}  // namespace

std::string html_page(const Report& report) {
  const std::string title = report.name + ": " + report.headline();
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; base-uri 'none'; "
      "form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      style_hash(), markup_text(shortened(title)), kStyle);
  for (const Section* section : kSections) {
    const std::string html = section->html(report);
    if (html.empty()) continue;
    page += fmt::format("<section id=\"{}\">\n", section->id);
    if (!section->title.empty()) page += fmt::format("<h2>{}</h2>\n", section->title);
    page += html + "</section>\n";
  }
  return page + "</main>\n</body>\n</html>\n";
}

void write_report_page(const std::filesystem::path& folder) {
  const Report report = read_report(folder);
  for (const ReportTrial& trial : report.trials)
    if (!trial.problems.empty()) throw trial.problems.front();
  write_file_atomically(folder / kReportFile, html_page(report));
}

}  // namespace hone
