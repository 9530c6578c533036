#include "trainer/run/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace hone {
namespace {

constexpr std::chrono::milliseconds kFrame{100};
constexpr std::chrono::milliseconds kPlainInterval{10000};

// A message that can't be shown is no reason to stop training.
void put(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t terminal_width() noexcept {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

bool colour_wanted() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string bar(double share, bool colour) {
  constexpr int kWidth = 12;
  const int done = static_cast<int>(std::clamp(share, 0.0, 1.0) * kWidth);
  const std::string filled(static_cast<std::size_t>(done), '='), rest(static_cast<std::size_t>(kWidth - done), ' ');
  return colour ? "[\033[32m" + filled + "\033[0m" + rest + "]" : "[" + filled + rest + "]";
}

// Short enough for a bar before it in 80 columns.
std::string describe(const StepProgress& p) {
  return fmt::format("{}/{}  {}/{}  loss {:.4f}  acc {:.1f} %  {} images/s  {}", p.epoch, p.epochs, p.step, p.steps,
                     p.loss, 100 * p.accuracy, with_commas(std::llround(p.images_per_second)),
                     clock_text(p.seconds_left));
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1), colour_(colour_wanted()) {}

Progress::~Progress() { clear(); }

void Progress::log_to(const std::filesystem::path& file) { log_.emplace(file); }

bool Progress::due(std::chrono::milliseconds interval) noexcept {
  const auto now = Clock::now();
  if (now - last_ < interval) return false;
  last_ = now;
  return true;
}

void Progress::clear() noexcept {
  if (drawn_) put("\r\033[K");
  drawn_ = false;
}

void Progress::draw(std::string_view text) noexcept {
  clear();
  put(text);
  drawn_ = true;
}

void Progress::step(const StepProgress& p) noexcept {
  if (quiet_ || !due(terminal_ ? kFrame : kPlainInterval)) return;
  try {
    const std::string text = describe(p);
    if (!terminal_) return put("epoch " + text + " left\n");
    const double share = static_cast<double>(p.step) / static_cast<double>(std::max<std::int64_t>(p.steps, 1));
    // The bar takes 15 columns; what does not fit is cut, a wrapped line could not be taken back.
    const std::size_t width = terminal_width();
    draw(bar(share, colour_) + " " + text.substr(0, width - 16));
  } catch (...) {  // no memory for a message
  }
}

void Progress::activity(std::string_view text) noexcept {
  if (quiet_ || !terminal_ || !due(kFrame)) return;
  draw(text.substr(0, terminal_width() - 1));
}

void Progress::line(std::string_view text) {
  if (log_) log_->append_line(text);
  if (quiet_) return;
  clear();
  put(std::string(text) + "\n");
}

void Progress::warning(std::string_view text) {
  const std::string whole = "warning: " + std::string(text);
  if (log_) log_->append_line(whole);
  clear();
  put(whole + "\n");
}

std::string with_commas(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3 + (n < 0 ? 1U : 0U); at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string clock_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto s = static_cast<std::int64_t>(std::min(seconds, 3.6e8) + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

}  // namespace hone
