// ctest-labels: threads
#include "engine/data/aside.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace hone {
namespace {

TEST(Aside, GivesWhatTheWorkGives) {
  EXPECT_EQ(run_aside([] { return std::string("done"); }, [] {}), "done");
  EXPECT_THROW(run_aside([]() -> int { throw std::runtime_error("work"); }, [] {}), std::runtime_error);
}

TEST(Aside, LooksUpMeanwhile) {
  std::promise<void> seen;
  auto wait = seen.get_future().share();
  int looks = 0;
  const auto work = [wait] {
    wait.wait();
    return 1;
  };
  EXPECT_EQ(run_aside(work,
                      [&] {
                        if (++looks == 3) seen.set_value();
                      }),
            1);
  EXPECT_GE(looks, 3);
}

// The work has not even ended when the wait for it does.
TEST(Aside, IsLeftBehind) {
  auto go = std::make_shared<std::promise<void>>();
  auto ended = std::make_shared<std::promise<void>>();
  auto has_ended = ended->get_future();
  const auto work = [wait = go->get_future().share(), ended] {
    wait.wait();
    ended->set_value();
    return 1;
  };
  EXPECT_THROW(run_aside(work, [] { throw std::runtime_error("stop"); }), std::runtime_error);
  EXPECT_NE(has_ended.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  go->set_value();
  has_ended.wait();
}

}  // namespace
}  // namespace hone
