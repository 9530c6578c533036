// ctest-labels: threads
#include "trainer/run/events.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;
using testing::slurp;
using testing::spill;
using testing::TemporaryFolder;

std::vector<nlohmann::json> lines_of(const fs::path& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(slurp(path));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

fs::file_time_type::duration age(const fs::path& path) {
  return fs::file_time_type::clock::now() - fs::last_write_time(path);
}

void make_old(const fs::path& path) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST(EventLog, WritesAnObjectALine) {
  const TemporaryFolder folder;
  EventLog log(folder / "events.jsonl");
  log.write(Event::start, {{"config", std::string("a \"b\"\n")}, {"threads", std::int64_t{2}}});
  log.write(Event::epoch, {{"loss", 0.5}, {"accuracy", std::nan("")}, {"best", true}});
  log.write(Event::end);
  const auto lines = lines_of(folder / "events.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["event"], "start");
  EXPECT_EQ(lines[0]["config"], "a \"b\"\n");
  EXPECT_EQ(lines[0]["threads"], 2);
  EXPECT_TRUE(lines[1]["accuracy"].is_null());
  EXPECT_EQ(lines[1]["best"], true);
  EXPECT_EQ(lines[2]["event"], "end");
  std::string time = lines[2]["time"];
  for (char& c : time) {
    if (c >= '0' && c <= '9') c = '0';
  }
  EXPECT_EQ(time, "0000-00-00T00:00:00.000Z");
}

TEST(EventLog, GoesOnBehindTheLastWholeLine) {
  const TemporaryFolder folder;
  spill(folder / "events.jsonl", "{\"event\":\"start\"}\n{\"event\":\"epo");
  EventLog(folder / "events.jsonl").write(Event::resume, {{"step", std::int64_t{3}}});
  const auto lines = lines_of(folder / "events.jsonl");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["event"], "start");
  EXPECT_EQ(lines[1]["event"], "resume");
}

TEST(EventLog, OpeningIsASignOfLife) {
  const TemporaryFolder folder;
  spill(folder / "events.jsonl", "{}\n");
  make_old(folder / "events.jsonl");
  const EventLog log(folder / "events.jsonl");
  EXPECT_LT(age(folder / "events.jsonl"), std::chrono::minutes(1));
}

TEST(EventLog, TheHeartbeatBeatsOnceASecond) {
  const TemporaryFolder folder;
  EventLog log(folder / "events.jsonl");
  log.write(Event::start);
  const auto start = std::chrono::steady_clock::now();
  make_old(folder / "events.jsonl");
  log.heartbeat();
  if (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(900)) {
    EXPECT_GT(age(folder / "events.jsonl"), std::chrono::minutes(1)) << "touched twice within a second";
  }
  std::this_thread::sleep_until(start + std::chrono::milliseconds(1050));
  log.heartbeat();
  EXPECT_LT(age(folder / "events.jsonl"), std::chrono::minutes(1));
}

TEST(EventLog, TakesLinesAndBeatsFromAllThreads) {
  const TemporaryFolder folder;
  EventLog log(folder / "events.jsonl");
  std::vector<std::thread> threads;
  for (std::int64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&log, thread] {
      for (std::int64_t i = 0; i < 200; ++i) {
        log.write(Event::checkpoint, {{"thread", thread}, {"i", i}, {"pad", std::string(300, 'x')}});
        log.heartbeat();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::int64_t> next(4);
  for (const auto& line : lines_of(folder / "events.jsonl"))
    EXPECT_EQ(line["i"].get<std::int64_t>(), next[line["thread"].get<std::size_t>()]++);
  EXPECT_EQ(next, std::vector<std::int64_t>(4, 200));
}

}  // namespace
}  // namespace hone
