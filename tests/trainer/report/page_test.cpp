#include "trainer/report/page.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "tests/support/expect_error.hpp"
#include "tests/trainer/report/trials.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

std::string page_of(const fs::path& folder) { return html_page(read_report(folder)); }

TEST(Page, SaysTheVerdictFirstThenAllElse) {
  const Trials trials;
  const std::string page = page_of(trials.folder.path());
  std::size_t at = 0;
  for (const char* part :
       {"Target met", "81.00 %", "94.00 %", "<svg", "wider: filters 8 -&gt; 16", "it still underfits",
        "model.layers.0.conv.filters: 4 -&gt; 16", "37.5 s", "trial-2/best.safetensors", "filters: 16, kernel: 3"}) {
    const std::size_t found = page.find(part, at);
    EXPECT_NE(found, std::string::npos) << part;
    at = std::min(found, page.size());
  }
}

TEST(Page, TheSameInputGivesTheSameBytesWhereverItLies) {
  const Trials one, other;
  spill(one.path(1) / "history.csv", "damaged\n");
  spill(other.path(1) / "history.csv", "damaged\n");
  EXPECT_TRUE(holds(page_of(one.folder.path()), "trial-1/history.csv:1"));
  EXPECT_EQ(page_of(one.folder.path()), page_of(other.folder.path()));
}

TEST(Page, NothingThatARunSaysBecomesMarkup) {
  const Trials trials;
  const std::string evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;";
  Metrics metrics = ended(0.93, 0.94);
  metrics.name = metrics.isa = metrics.commit = metrics.version = metrics.metric = evil;
  metrics.confusion = Confusion{{evil, "b" + evil}, {{900, 20}, {40, 40}}};
  trials.write(2, metrics, 16, "# " + evil + ": " + evil + ", because " + evil + "\n");
  spill(trials.path(2) / "config.yaml", config_text("small", 16) + "# " + evil + "\n");
  spill(trials.path(1) / "metrics.json", "{\"status\": \"finished\", \"" + std::string("<b>x") + "\": 1, \"<b>x\": 2}");
  const std::string page = page_of(trials.folder.path());
  EXPECT_TRUE(holds(page, "&lt;script&gt;alert(1)"));
  // Every tag is one of the page's own.
  const std::regex tag("<(/?[a-zA-Z0-9]+)([^>]*)>");
  for (std::sregex_iterator it(page.begin(), page.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[1], attributes = (*it)[2];
    EXPECT_TRUE(
        std::regex_match(name, std::regex("/?(html|head|meta|title|style|body|main|section|div|p|h1|h2|h3|dl|dt|"
                                          "dd|ul|li|span|pre|table|thead|tbody|tr|th|td|svg|path|text)")))
        << name;
    EXPECT_FALSE(std::regex_search(attributes, std::regex("(^| )(on[a-z]+|src|href|style)="))) << attributes;
  }
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
}

TEST(Page, AnyNumbersAreDrawn) {
  const Trials trials;
  const std::string header = format_history({});
  for (const char* rows :
       {"", "1,1,,,,,,,\n", "1,1,nan,nan,nan,inf,-inf,nan,inf\n",
        "-9223372036854775808,1,1,1e308,2,-1e308,-5,1e308,1\n9223372036854775807,1,1,-1e308,2,1e308,9,0,0\n",
        "1,1,1,1e-300,0.5,1e300,0.5,1,1\n", "1,1,,0,0,0,0,,\n"}) {
    spill(trials.path(1) / "history.csv", header + rows);
    Metrics metrics = ended(0.9);
    metrics.train_seconds = 1e300;
    metrics.images_per_second = 1e300;
    metrics.peak_rss_bytes = INT64_MAX;
    spill(trials.path(1) / "metrics.json", format_metrics(metrics));
    const std::string page = page_of(trials.folder.path());
    for (const char* bad : {"nan", "inf ", "inf\""})
      EXPECT_FALSE(std::regex_search(page, std::regex("d=\"[^\"]*" + std::string(bad)))) << rows;
    EXPECT_LT(page.size(), 200000u);
  }
}

TEST(Page, ManyTrialsStayAPage) {
  const Trials trials;
  for (int number = 3; number < 60; ++number) trials.write(number, ended(0.7 + 0.001 * number), 4);
  const std::string page = page_of(trials.folder.path());
  EXPECT_TRUE(holds(page, "Trial 59"));
  EXPECT_TRUE(holds(page, "52 others"));
  EXPECT_LT(page.size(), 300000u);
}

TEST(Page, OfAnUnfinishedRunAndOfOneThatDiverged) {
  const Trials trials;
  fs::remove(trials.path(0) / "metrics.json");
  EXPECT_TRUE(holds(page_of(trials.path(0)), "No result"));
  Metrics metrics;
  metrics.status = RunStatus::diverged;
  trials.write(0, metrics, 4);
  EXPECT_TRUE(holds(page_of(trials.path(0)), "The training diverged."));
}

TEST(WriteReportPage, TakesOnlyWhatIsWhole) {
  const Trials trials;
  write_report_page(trials.folder.path());
  EXPECT_EQ(slurp(trials.folder / "report.html"), page_of(trials.folder.path()));
  spill(trials.path(1) / "metrics.json", "");
  EXPECT_HONE_ERROR(write_report_page(trials.folder.path()), data, "metrics.json");
}

}  // namespace
}  // namespace hone::testing
