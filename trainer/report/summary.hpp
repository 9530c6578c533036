// The report in short, for the body of a mail.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/runs.hpp"

namespace hone {

// Plain text, UTF-8, lines ending in \n, no control characters.
std::string text_summary(const Report& report);
// One <div> with inline styles only, to be put into a body: mail clients show neither SVG nor a <style>.
std::string mail_summary(const Report& report);

// A curve in one line of block characters, at most `width` long; empty for fewer than two values.
std::string sparkline(const std::vector<double>& values, std::size_t width = 40);

}  // namespace hone
