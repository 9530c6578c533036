#include "trainer/report/escape.hpp"

#include <gtest/gtest.h>

namespace hone {
namespace {

constexpr char kBad[] = "\xEF\xBF\xBD";

TEST(CleanText, KeepsWhatPeopleWrite) {
  for (const char* text : {"", "plain", "na\xC3\xAFve", "\xE6\xBC\xA2", "\xF0\x9F\x90\x8D", "a -> b, 95 %"})
    EXPECT_EQ(clean_text(text), text);
}

TEST(CleanText, LeavesNoControlCharacters) {
  EXPECT_EQ(clean_text("a\x1b[31mb"), std::string("a") + kBad + "[31mb");
  EXPECT_EQ(clean_text("a\x7f"), std::string("a") + kBad);
  EXPECT_EQ(clean_text("\xC2\x9B"
                       "1m"),
            std::string(kBad) + "1m")
      << "a terminal's escape in one character";
  EXPECT_EQ(clean_text("\xE2\x80\xAE"
                       "gpj.exe"),
            std::string(kBad) + "gpj.exe")
      << "right to left";
  EXPECT_EQ(clean_text(std::string_view("\0", 1)), kBad);
  EXPECT_EQ(clean_text("a\r\nb\tc"), "a  b c");
  EXPECT_EQ(clean_text("a\r\nb\tc", Lines::many), "a\nb\tc");
}

TEST(CleanText, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(clean_text("a\xFFz"), std::string("a") + kBad + "z");
  EXPECT_EQ(clean_text("\xC3"), kBad) << "cut";
  EXPECT_EQ(clean_text("\xC0\xBC"), std::string(kBad) + kBad) << "an overlong '<'";
  EXPECT_EQ(clean_text("\xE0\x80\xBC").find('<'), std::string::npos);
  EXPECT_EQ(clean_text("\xED\xA0\x80").find("\xED"), std::string::npos) << "half of a pair";
  EXPECT_EQ(clean_text("\xF4\x90\x80\x80").find("\xF4"), std::string::npos) << "beyond Unicode";
}

TEST(MarkupText, NothingGetsOutOfATagOrAQuote) {
  EXPECT_EQ(markup_text("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc\xE2\x80\xA6");
  EXPECT_EQ(shortened("ab\xC3\xAF", 3), "ab\xE2\x80\xA6");
}

}  // namespace
}  // namespace hone
