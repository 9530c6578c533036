// What the best model takes for what: confusion matrix and figures of each class, on the test split.
#include <fmt/format.h>

#include <algorithm>

#include "trainer/report/escape.hpp"
#include "trainer/report/figures.hpp"
#include "trainer/report/section.hpp"

namespace hone {

extern const Section kMistakesSection;

namespace {

constexpr std::size_t kWidestMatrix = 20;
constexpr std::size_t kMostMistakes = 8;
constexpr std::int64_t kLevels = 5;

std::string label_of(const Confusion& confusion, std::size_t k) {
  return markup_text(shortened(confusion.labels[k], 60));
}

// g1 ... g5 for right answers, r1 ... r5 for wrong ones: how many, against the most.
std::string cell(std::int64_t count, bool right, std::int64_t most) {
  if (count == 0) return "<td class=\"zero\">0</td>";
  const std::int64_t level = 1 + (kLevels - 1) * count / std::max<std::int64_t>(most, 1);
  return fmt::format("<td class=\"{}{}{}\">{}</td>", right ? "right g" : "r", level, "", count);
}

std::string matrix(const Confusion& confusion) {
  const std::size_t classes = confusion.labels.size();
  if (classes > kWidestMatrix) return {};
  std::int64_t most[2] = {0, 0};
  for (std::size_t k = 0; k < classes; ++k)
    for (std::size_t answer = 0; answer < classes; ++answer) {
      std::int64_t& seen = most[k == answer ? 1 : 0];
      seen = std::max(seen, confusion.counts[k][answer]);
    }
  std::string out =
      "<div class=\"first\"><h3>Confusion matrix: a row a right class, a column an answer</h3>\n<div "
      "class=\"wide\"><table "
      "class=\"matrix\">\n"
      "<thead><tr><td></td>";
  for (std::size_t k = 0; k < classes; ++k) out += "<th scope=\"col\">" + label_of(confusion, k) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < classes; ++k) {
    out += "<tr><th scope=\"row\">" + label_of(confusion, k) + "</th>";
    for (std::size_t answer = 0; answer < classes; ++answer)
      out += cell(confusion.counts[k][answer], k == answer, most[k == answer ? 1 : 0]);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></div>\n";
}

std::string most_frequent(const Confusion& confusion, const std::vector<ClassScore>& scores) {
  struct Mistake {
    std::size_t right, answer;
    std::int64_t count;
  };
  std::vector<Mistake> mistakes;
  for (std::size_t k = 0; k < confusion.labels.size(); ++k)
    for (std::size_t answer = 0; answer < confusion.labels.size(); ++answer)
      if (k != answer && confusion.counts[k][answer] > 0) mistakes.push_back({k, answer, confusion.counts[k][answer]});
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.count > b.count; });
  mistakes.resize(std::min(mistakes.size(), kMostMistakes));
  if (mistakes.empty()) return "<p>No mistake at all.</p>\n";
  std::string out = "<h3>Most frequent mistakes</h3>\n<ul class=\"columns\">\n";
  for (const Mistake& mistake : mistakes)
    out += fmt::format(
        "<li>{} taken for {}: {} of {} ({})</li>\n", label_of(confusion, mistake.right),
        label_of(confusion, mistake.answer), count_text(mistake.count), count_text(scores[mistake.right].images),
        percent_text(static_cast<double>(mistake.count) / static_cast<double>(scores[mistake.right].images)));
  return out + "</ul>\n";
}

std::string classes_table(const Confusion& confusion, const std::vector<ClassScore>& scores) {
  std::string out =
      "<h3>Each class</h3>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">class</th><th scope=\"col\" "
      "class=\"n\">images</th>"
      "<th scope=\"col\" class=\"n\">precision</th><th scope=\"col\" class=\"n\">recall</th><th scope=\"col\" "
      "class=\"n\">F1</th>"
      "</tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < scores.size(); ++k)
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        label_of(confusion, k), count_text(scores[k].images), percent_text(scores[k].precision),
        percent_text(scores[k].recall), percent_text(scores[k].f1));
  return out + "</tbody></table></div>\n";
}

std::string html(const Report& report) {
  const ReportTrial& best = report.winner();
  if (!best.metrics || !best.metrics->confusion || best.metrics->confusion->labels.empty()) return {};
  const Confusion& confusion = *best.metrics->confusion;
  const std::vector<ClassScore> scores = class_scores(confusion.counts);
  return "<div class=\"mistakes\">\n" + matrix(confusion) + "<div>" + classes_table(confusion, scores) +
         "</div>\n</div>\n" + most_frequent(confusion, scores);
}

}  // namespace

const Section kMistakesSection = {"mistakes", "What it gets right and wrong on the test split", html};

}  // namespace hone
