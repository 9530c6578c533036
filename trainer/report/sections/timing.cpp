// How long it took, and on what.
#include <fmt/format.h>

#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kTimingSection;

namespace {

std::string text(const std::optional<std::string>& value) {
  return value && !value->empty() ? markup_text(shortened(*value, 100)) : kUnknown;
}

template <class T>
std::string number(const std::optional<T>& value) {
  return value ? std::to_string(*value) : kUnknown;
}

std::string head(const Report& report) {
  std::string out;
  for (const char* name : {"training", "images/s", "parameters", "MACs an image", "peak memory", "threads"})
    out += fmt::format("<th scope=\"col\" class=\"n\">{}</th>", name);
  return fmt::format("<tr><th scope=\"col\">{}</th>{}<th scope=\"col\">kernels</th></tr>", report.many ? "trial" : "",
                     out);
}

std::string row(const Report& report, const ReportTrial& trial) {
  const Metrics metrics = trial.metrics.value_or(Metrics());
  std::string out =
      fmt::format("<tr{}><th scope=\"row\">{}</th>", report.many && &trial == &report.winner() ? " class=\"best\"" : "",
                  trial_name(report, trial));
  for (const std::string& value :
       {duration_text(metrics.train_seconds), rate_text(metrics.images_per_second), count_text(metrics.parameters),
        count_text(metrics.macs_per_image), bytes_text(metrics.peak_rss_bytes), count_text(metrics.threads)})
    out += "<td class=\"n\">" + value + "</td>";
  return out + "<td>" + text(metrics.isa) + "</td></tr>\n";
}

std::string html(const Report& report) {
  std::string out = "<div class=\"wide\"><table>\n<thead>" + head(report) + "</thead>\n<tbody>\n";
  for (const ReportTrial& trial : report.trials) out += row(report, trial);
  out += "</tbody></table></div>\n";
  const Metrics metrics = report.winner().metrics.value_or(Metrics());
  out += "<dl class=\"facts\">\n";
  const auto total = total_seconds(report);
  if (report.many) out += fmt::format("<dt>all training</dt><dd>{}</dd>\n", duration_text(total));
  out += fmt::format("<dt>commit</dt><dd class=\"mono\">{}</dd>\n<dt>seed</dt><dd>{}</dd>\n<dt>hone</dt><dd>{}</dd>\n",
                     text(metrics.commit), number(metrics.seed), text(metrics.version));
  if (report.winner().model_file) {
    const std::string folder = report.many ? report.winner().folder + "/" : "";
    out += fmt::format("<dt>model</dt><dd class=\"mono\">{}</dd>\n", markup_text(folder + *report.winner().model_file));
  }
  return out + "</dl>\n";
}

}  // namespace

const Section kTimingSection = {"timing", "Time and machine", html};

}  // namespace hone
