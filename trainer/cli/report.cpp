// hone report: what came of a run, or of all trials, as a page and in short.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/file.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/page.hpp"
#include "trainer/report/summary.hpp"

namespace hone {

extern const Command kReport;

namespace {

using nlohmann::ordered_json;

ordered_json json_of(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const Report& report) {
  const Verdict& verdict = report.verdict;
  const std::optional<double> before = report.before ? report.before->value : verdict.value;
  return {{"name", report.name},
          {"met", report.measured() ? ordered_json(verdict.met) : ordered_json(nullptr)},
          {"headline", report.headline()},
          {"target", verdict.target},
          {"accuracy_before", json_of(before)},
          {"accuracy_after", json_of(verdict.value)},
          {"best", report.winner().folder},
          {"trials", report.trials.size() + report.left_out}};
}

int run(std::span<const std::string> arguments) {
  Arguments args(kReport);
  args.option("out", "FILE.html", "the page to write: self-contained, no script")
      .option("text", "FILE", "write a summary in plain text, too")
      .option("mail", "FILE", "write a summary in HTML for the body of a mail, too: one <div>")
      .option("at-least", "VALUE", "the target, in (0, 1] (default: trial 0's, else 0.80)")
      .flag("json", "print one JSON object");
  if (!args.parse(arguments, 1, 1, "a run folder, or a folder of trials")) return 0;
  const std::string out = args.required("out");
  const Report report = read_report(args.plain()[0], args.real("at-least", 1e-9, 1));
  write_file_atomically(out, html_page(report));
  if (args.has("text")) write_file_atomically(args.text("text"), text_summary(report));
  if (args.has("mail")) write_file_atomically(args.text("mail"), mail_summary(report));
  print(args.has("json") ? json_of(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"
                         : fmt::format("{}: {}\n", report.headline(), report.why()));
  return 0;
}

}  // namespace

const Command kReport = {"report", "RUN or DIR --out FILE.html [--text FILE] [--mail FILE]",
                         "what came of a run or a search, as one page", run};

}  // namespace hone
