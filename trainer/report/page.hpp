// One self-contained page: inline SVG, one inline style, no script, nothing loaded.
#pragma once

#include <filesystem>
#include <string>

#include "trainer/report/runs.hpp"

namespace hone {

inline constexpr char kReportFile[] = "report.html";

// The same report gives the same bytes.
std::string html_page(const Report& report);

// Writes report.html into a run folder, or one of trials, that was just written and where everything must be readable:
// what is not is thrown.
void write_report_page(const std::filesystem::path& folder);

}  // namespace hone
