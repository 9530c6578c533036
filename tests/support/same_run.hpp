// Two runs that must have come to the same.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/hone.hpp"
#include "trainer/run/metrics_file.hpp"

namespace hone::testing {

// The same tensors, history (but for its times) and outcome.
inline void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b) {
  for (const char* file : {"last.safetensors", "best.safetensors"}) {
    const Checkpoint x = read_checkpoint(a / file), y = read_checkpoint(b / file);
    ASSERT_EQ(x.tensors.size(), y.tensors.size());
    for (std::size_t i = 0; i < x.tensors.size(); ++i) EXPECT_EQ(x.tensors[i], y.tensors[i]) << x.tensors[i].name;
    EXPECT_EQ(x.metadata.at("hone.step"), y.metadata.at("hone.step"));
  }
  EXPECT_EQ(history_without_times(a), history_without_times(b));
  const Metrics x = read_metrics(a / "metrics.json"), y = read_metrics(b / "metrics.json");
  EXPECT_EQ(x.status, y.status);
  EXPECT_EQ(x.accuracy, y.accuracy);
  EXPECT_EQ(x.loss, y.loss);
  EXPECT_EQ(x.validation_accuracy, y.validation_accuracy);
  EXPECT_EQ(x.epochs_done, y.epochs_done);
}

}  // namespace hone::testing
