// The best model's config, every default written out; a program's parameters.
#include <fmt/format.h>

#include "trainer/report/escape.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kConfigSection;

namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;

std::string html(const Report& report) {
  const ReportTrial& best = report.winner();
  if (!best.config_text.empty())
    return "<pre>" + markup_text(shortened(best.config_text, kMostBytes), Lines::many) + "</pre>\n";
  if (best.parameters.empty()) return {};
  std::string out = "<dl class=\"facts mono\">\n";
  for (const auto& [name, value] : best.parameters)
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", markup_text(shortened(name)), markup_text(shortened(value)));
  return out + "</dl>\n";
}

}  // namespace

const Section kConfigSection = {"config", "Config of the model", html};

}  // namespace hone
