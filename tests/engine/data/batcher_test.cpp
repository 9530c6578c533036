// ctest-labels: threads
#include "engine/data/batcher.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "engine/data/sampling.hpp"
#include "tests/support/expect_error.hpp"

namespace hone {
namespace {

// Image of id i: three bytes made from i.
Split make_split(std::uint32_t count) {
  Split split;
  split.count = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    split.ids.push_back(i + 100);
    split.labels.push_back(static_cast<std::int32_t>(i % 10));
    for (std::uint32_t j = 0; j < 3; ++j) split.pixels.push_back(static_cast<std::uint8_t>(i * 3 + j));
  }
  return split;
}

std::vector<std::uint32_t> ids_of(const Batch& batch) { return {batch.ids, batch.ids + batch.size}; }

void expect_gathered(const Batch& batch) {
  for (std::int64_t k = 0; k < batch.size; ++k) {
    const std::uint32_t i = batch.ids[k] - 100;
    EXPECT_EQ(batch.labels[k], static_cast<std::int32_t>(i % 10));
    for (std::uint32_t j = 0; j < 3; ++j) EXPECT_EQ(batch.pixels[k * 3 + j], static_cast<std::uint8_t>(i * 3 + j));
  }
}

TEST(Batcher, EveryEpochHoldsEveryImageOnce) {
  const Split split = make_split(103);
  Batcher batcher(split, {.batch_size = 10, .seed = 5});
  EXPECT_EQ(batcher.batches_per_epoch(), 11);
  std::vector<std::vector<std::uint32_t>> orders;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::uint32_t> order;
    for (std::int64_t cursor = 0; cursor < 11; ++cursor) {
      const Batch batch = batcher.next();
      EXPECT_EQ(batcher.epoch(), epoch);
      EXPECT_EQ(batcher.cursor(), cursor);
      EXPECT_EQ(batch.size, cursor < 10 ? 10 : 3);
      expect_gathered(batch);
      const auto ids = ids_of(batch);
      order.insert(order.end(), ids.begin(), ids.end());
    }
    EXPECT_EQ(std::set<std::uint32_t>(order.begin(), order.end()).size(), 103u);
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(Batcher, ResumesAnywhere) {
  const Split split = make_split(57);
  Batcher whole(split, {.batch_size = 8, .seed = 9, .depth = 2});
  std::vector<std::vector<std::uint32_t>> all;
  for (int i = 0; i < 24; ++i) all.push_back(ids_of(whole.next()));
  for (std::size_t start = 0; start < 20; ++start) {
    Batcher later(split, {.batch_size = 8, .seed = 9, .depth = 1 + static_cast<int>(start % 5)}, start / 8,
                  static_cast<std::int64_t>(start % 8));
    for (std::size_t i = start; i < 24; ++i) ASSERT_EQ(ids_of(later.next()), all[i]) << start << " " << i;
  }
  // After an epoch's last batch comes the next one's first.
  Batcher next_epoch(split, {.batch_size = 8, .seed = 9}, 0, 8);
  EXPECT_EQ(ids_of(next_epoch.next()), all[8]);
  EXPECT_EQ(next_epoch.epoch(), 1u);
}

TEST(Batcher, ABatchStaysUntilTheNextCall) {
  const Split split = make_split(64);
  Batcher batcher(split, {.batch_size = 4, .depth = 1});
  for (int i = 0; i < 40; ++i) {
    const Batch batch = batcher.next();
    const auto before = ids_of(batch);
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ASSERT_EQ(ids_of(batch), before);
    expect_gathered(batch);
  }
}

TEST(Batcher, SizesOfLastBatches) {
  EXPECT_EQ(batches_per_epoch(60000, 64, false), 938);
  EXPECT_EQ(last_batch_size(60000, 64, false), 32);
  EXPECT_EQ(batches_per_epoch(65, 64, false), 2);
  EXPECT_EQ(last_batch_size(65, 64, false), 1);
  EXPECT_EQ(batches_per_epoch(65, 64, true), 1);
  EXPECT_EQ(last_batch_size(65, 64, true), 64);
  EXPECT_EQ(batches_per_epoch(64, 64, true), 1);
  EXPECT_EQ(last_batch_size(5, 64, false), 5);
  const Split split = make_split(21);
  Batcher batcher(split, {.batch_size = 5, .drop_single = true});
  for (int i = 0; i < 12; ++i) EXPECT_EQ(batcher.next().size, 5);
  EXPECT_EQ(batcher.epoch(), 2u);
  Batcher larger(split, {.batch_size = 1000});
  EXPECT_EQ(larger.next().size, 21);
}

TEST(Batcher, StopsAtAnyMoment) {
  const Split split = make_split(500);
  for (int i = 0; i < 200; ++i) {
    Batcher batcher(split, {.batch_size = 7, .seed = 1, .depth = 1 + i % 4});
    for (int j = 0; j < i % 9; ++j) batcher.next();
    if (i % 7 == 0) std::this_thread::yield();
  }
}

TEST(Batcher, ErrorsComeOutWhereTheyHappened) {
  const Split split = make_split(50);
  std::atomic<int> calls{0};
  BatcherOptions options{.batch_size = 10};
  options.before_batch = [&](std::uint64_t epoch, std::int64_t cursor) {
    ++calls;
    if (epoch == 1 && cursor == 2) throw Error(ErrorKind::io, "the disk went away");
  };
  Batcher batcher(split, options);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(batcher.next().size, 10);
  for (int i = 0; i < 2; ++i) EXPECT_HONE_ERROR(batcher.next(), io, "the disk went away");
  EXPECT_EQ(calls, 8);
}

TEST(Batcher, ImpossibleOnesAreRefused) {
  const Split one = make_split(1);
  EXPECT_HONE_ERROR(Batcher(one, {.batch_size = 4, .drop_single = true}), config, "too few training images");
  EXPECT_HONE_ERROR(Batcher(make_split(0), {}), config, "too few training images");
  EXPECT_HONE_ERROR(Batcher(one, {.batch_size = 0}), config, "batch_size");
  EXPECT_HONE_ERROR(Batcher(one, {.batch_size = 4}, 0, 2), internal, "cursor");
}

TEST(Slice, PointsIntoTheSplit) {
  const Split split = make_split(10);
  const Batch batch = slice(split, 8, 4);
  EXPECT_EQ(batch.size, 2);
  EXPECT_EQ(batch.pixels, split.pixels.data() + 24);
  EXPECT_EQ(batch.labels, split.labels.data() + 8);
  EXPECT_EQ(ids_of(batch), (std::vector<std::uint32_t>{108, 109}));
}

}  // namespace
}  // namespace hone
