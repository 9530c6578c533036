#include "trainer/run/train_state.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

TrainState sample() {
  TrainState state;
  state.step = 1234;
  state.epoch = 2;
  state.cursor = 34;
  state.loss_sum = 0.1 + 0.2;
  state.correct = 77;
  state.images = 544;
  state.epoch_seconds = 1.0 / 3;
  state.train_seconds = 12.75;
  state.trained_images = 80000;
  state.best_accuracy = 0.987654321;
  state.stale_epochs = 1;
  state.stopped_early = true;
  state.retries = 2;
  state.rate_scale = 0.3 * 0.3;
  for (const double loss : {0.5, 0.25}) {
    HistoryRow& row = state.history.emplace_back();
    row.epoch = static_cast<std::int64_t>(state.history.size());
    row.validation_loss = loss;
  }
  return state;
}

TEST(TrainState, ComesBackBitwise) {
  Metadata metadata;
  write_state(sample(), metadata);
  EXPECT_EQ(metadata.at("hone.step"), "1234");
  EXPECT_EQ(metadata.at("hone.epoch"), "2");
  EXPECT_EQ(metadata.at("hone.cursor"), "34");
  EXPECT_EQ(read_state(metadata, "file"), sample());
  EXPECT_EQ(sample().validation_losses(), (std::vector<double>{0.5, 0.25}));
}

TEST(TrainState, WhatIsMissingOrDamagedIsNamed) {
  for (const char* key : {"hone.step", "hone.epoch", "hone.cursor", "hone.history", "hone.state"}) {
    Metadata metadata;
    write_state(sample(), metadata);
    metadata[key] = "-1 and more";
    EXPECT_HONE_ERROR(read_state(metadata, "last.safetensors"), checkpoint, "last.safetensors");
    metadata.erase(key);
    EXPECT_HONE_ERROR(read_state(metadata, "last.safetensors"), checkpoint, "last.safetensors", key);
  }
}

}  // namespace
}  // namespace hone
