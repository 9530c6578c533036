// A search in which a call fails, or that is killed, goes on to what the undisturbed one comes to.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/faults.hpp"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSpent = 10;  // the target is out of reach

class SearchFaults : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { keep_temporaries_in_memory(); }

  void SetUp() override {
    if (!HONE_CAN_PRELOAD) GTEST_SKIP() << "sanitizers must be loaded first";
    ASSERT_EQ(run_hone(search("whole")).code, kSpent);
    whole_ = outcome("whole");
  }

  std::vector<std::string> search(const std::string& name) const {
    return {"search",   small_.model(), "--out",   small_.out(name), "--trials", "2",
            "--target", "0.99",         "--quiet", "--threads",      "1"};
  }

  // All but times.
  json outcome(const std::string& name) const {
    json result = json::parse(slurp(small_.folder / name / "search.json"));
    for (json& trial : result["trials"]) trial.erase("seconds");
    for (const CheckpointTensor& tensor : read_checkpoint(small_.folder / name / "best.safetensors").tensors)
      result["tensors"][tensor.name] = tensor.data;
    return result;
  }

  // Runs once for every stride-th n until none is left to fail. Returns how many failed.
  long try_some(const Fault& fault, const std::set<int>& codes) {
    for (long n = 1, tried = 0;; n += stride_, ++tried) {
      fs::remove_all(small_.folder / "search");
      const FaultyResult result = run_with_fault(search("search"), fault, n, small_.folder.path());
      SCOPED_TRACE(fault.calls + " " + std::to_string(n) + " (" + result.fired + "), " + fault.how + ": exit code " +
                   std::to_string(result.code) + ", " + result.err);
      EXPECT_TRUE(codes.contains(result.code));
      if (result.code != kSpent) {
        EXPECT_EQ(run_hone(search("search")).code, kSpent);
      }
      if (!HasFailure()) {
        EXPECT_EQ(outcome("search"), whole_);
      }
      if (result.fired.empty() || HasFailure()) return tried;
    }
  }

  const long stride_ = every_fault() ? 1 : 17;
  const SmallRun small_{"  epochs: 1\n  batch_size: 16\n", "    - dense: 4\n", 80};
  json whole_;
};

TEST_F(SearchFaults, ACallThatFails) { EXPECT_GT(try_some({"io", "EIO"}, {kSpent, 3, 4, 6}), 0); }

TEST_F(SearchFaults, AKill) {
  EXPECT_GT(try_some({"open,write,sync,rename,link,folder", "SIGKILL"}, {kSpent, 128 + SIGKILL}), 0);
}

}  // namespace
}  // namespace hone::testing
