#include "trainer/report/summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/trainer/report/trials.hpp"

namespace hone::testing {
namespace {

TEST(Sparkline, RisesFromTheLowestToTheHighest) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({1, 0}), "█▁");
  EXPECT_EQ(sparkline({0.5, 0.5}), "▅▅");
  EXPECT_EQ(sparkline({1}), "");
  EXPECT_EQ(sparkline({}), "");
  std::vector<double> many(1000);
  many.back() = 1;
  EXPECT_EQ(sparkline(many, 4), "▁▁▁█");
}

TEST(Summary, TellsWhatTheDeveloperWantsToKnow) {
  const Trials trials;
  const Report report = read_report(trials.folder.path());
  const std::string model = (trials.path(2) / "best.safetensors").string();
  for (const std::string& text : {text_summary(report), mail_summary(report)})
    for (const std::string& part :
         {std::string("Target met"), std::string("81.00 % (95 %: 78.45 % to 83.31 %)"), std::string("94.00 %"),
          std::string("90.00 %"), std::string("it still underfits"), std::string("37.5 s"), std::string("▁▅█"), model})
      EXPECT_TRUE(holds(text, part)) << part << " in " << text;
}

TEST(Summary, HostileTextsAreHarmless) {
  const Trials trials;
  const std::string evil = "<a href=\"http://x\">\x1b[2J\r\xC2\x9B\xE2\x80\xAE";
  Metrics metrics = ended(0.93, 0.94);
  metrics.name = evil;
  trials.write(2, metrics, 16, "# wider: " + evil + ", because " + evil + "\n");
  const Report report = read_report(trials.folder.path());
  const std::string text = text_summary(report), mail = mail_summary(report);
  EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
  })) << text;
  for (const char* bad : {"\xC2\x9B", "\xE2\x80\xAE"}) EXPECT_FALSE(holds(text + mail, bad));
  EXPECT_TRUE(holds(mail, "&lt;a href=&quot;http://x&quot;&gt;"));
  EXPECT_FALSE(holds(mail, "<a"));
  EXPECT_FALSE(holds(mail, "<style"));
  EXPECT_FALSE(holds(mail, "<svg"));
}

TEST(Summary, OfARunWithNothingInIt) {
  const TemporaryFolder folder;
  folder.write("run/metrics.json", R"({"status": "interrupted"})");
  const Report report = read_report(folder / "run");
  EXPECT_TRUE(holds(text_summary(report), "run: No result"));
  EXPECT_TRUE(holds(mail_summary(report), "No result"));
}

}  // namespace
}  // namespace hone::testing
