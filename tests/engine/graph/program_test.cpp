// ctest-labels: threads
// Programs: how a batch is cut, that every task runs once, and that slots keep what they hold as long as it is needed.
#include "engine/graph/program.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/base/rng.hpp"
#include "engine/layers/blocks.hpp"

namespace hone {
namespace {

TEST(Partition, CoversEveryBlockOnce) {
  for (std::int64_t batch = 1; batch <= 300; ++batch)
    for (const std::int64_t lanes : {1, 4, 8, 16})
      for (const bool training : {true, false}) {
        SCOPED_TRACE(testing::Message() << batch << " images, " << lanes << " lanes, training " << training);
        const Partition p = Partition::make(batch, lanes, training);
        ASSERT_EQ(p.blocks, (batch + lanes - 1) / lanes);
        ASSERT_GE(p.chunks, 1);
        ASSERT_EQ(p.chunks, training ? std::min(p.blocks, Partition::kMaxChunks) : p.blocks);
        std::int64_t next = 0;
        for (std::int64_t chunk = 0; chunk < p.chunks; ++chunk) {
          ASSERT_EQ(p.first_block(chunk), next);
          ASSERT_GE(p.blocks_of(chunk), 1);
          ASSERT_LE(p.blocks_of(chunk), p.most_blocks());
          ASSERT_GE(p.blocks_of(chunk), p.most_blocks() - 1);  // even
          next += p.blocks_of(chunk);
        }
        ASSERT_EQ(next, p.blocks);
      }
}

TEST(Panels, CoverEveryItemOnceInWholeTiles) {
  for (std::int64_t items = 0; items <= 400; ++items)
    for (const std::int64_t tile : {1, 3, 10, 16, 500}) {
      const Panels panels(items, tile);
      ASSERT_LE(panels.count, 16);
      std::int64_t next = 0;
      for (std::int64_t panel = 0; panel < panels.count; ++panel) {
        ASSERT_EQ(panels.begin(panel), next);
        ASSERT_EQ(panels.begin(panel) % tile, 0);
        ASSERT_GT(panels.end(panel), panels.begin(panel));
        next = panels.end(panel);
      }
      ASSERT_EQ(next, items) << "tile " << tile;
    }
}

// A program together with the memory it runs in.
template <class T>
struct Placed {
  explicit Placed(Program<T>& program) : memory(program.assign()) { program.place(memory.data()); }
  Slab memory;
};

StepState state_of(const Batch& batch, std::int64_t lanes) {
  StepState state;
  state.batch = &batch;
  state.blocks = (batch.size + lanes - 1) / lanes;
  return state;
}

TEST(Program, RunsEveryTaskOnceInTheOrderOfThePhases) {
  for (const int planned : {1, 2, 3})
    for (const int threads : {1, 2, 4}) {
      SCOPED_TRACE(testing::Message() << "planned for " << planned << " threads, run by " << threads);
      Program<float> program(Partition::make(100, 4, false), planned);
      std::vector<std::atomic<int>> chunks(25), tasks(7);
      std::atomic<int> prepared{0}, early{0};
      program.prepare([&] { ++prepared; });
      program.over_images("first", {}, [&](const Task& task) {
        if (prepared == 0) ++early;
        ++chunks[static_cast<std::size_t>(task.index)];
      });
      program.over_images("second of the same phase", {}, [&](const Task& task) {
        if (chunks[static_cast<std::size_t>(task.index)] % 10 != 1) ++early;
        chunks[static_cast<std::size_t>(task.index)] += 9;
      });
      program.tasks("third", {}, 7, [&](const Task& task) {
        for (const auto& chunk : chunks)
          if (chunk % 10 != 0) ++early;
        ++tasks[static_cast<std::size_t>(task.index)];
      });
      ASSERT_EQ(program.phases().size(), 2u);
      const Placed<float> placed(program);
      Team team(threads);
      Batch batch;
      batch.size = 100;
      for (int step = 1; step <= 3; ++step) {
        program.run(state_of(batch, 4), step == 1, team);
        for (const auto& chunk : chunks) EXPECT_EQ(chunk, 10 * step);
        for (const auto& task : tasks) EXPECT_EQ(task, step);
      }
      EXPECT_EQ(prepared, 1) << "prepares only when told to";
      EXPECT_EQ(early, 0);
    }
}

TEST(Program, TimesOfOpsAddUpOverThreadsAndSteps) {
  constexpr double kPause = 0.002;
  Program<float> program(Partition::make(4, 1, false), 2);
  program.over_images("slow", {},
                      [=](const Task&) { std::this_thread::sleep_for(std::chrono::duration<double>(kPause)); });
  program.over_images("quick", {}, [](const Task&) {});
  program.tasks("slow too", {}, 3,
                [=](const Task&) { std::this_thread::sleep_for(std::chrono::duration<double>(kPause)); });
  const Placed placed(program);
  Batch batch;
  batch.size = 4;
  Team team(2);
  program.run(state_of(batch, 1), false, team);
  for (const OpTime& op : program.op_times()) ASSERT_EQ(op.seconds, 0) << op.name << " before anybody asked";

  program.time_ops();
  for (int step = 0; step < 2; ++step) program.run(state_of(batch, 1), false, team);
  const std::vector<OpTime> times = program.op_times();
  ASSERT_EQ(times.size(), 3U);
  ASSERT_EQ(times[0].name, "slow");
  ASSERT_EQ(times[1].name, "quick");
  ASSERT_EQ(times[2].name, "slow too");
  ASSERT_GE(times[0].seconds, 2 * 4 * kPause);
  ASSERT_LT(times[1].seconds, times[0].seconds);
  ASSERT_GE(times[2].seconds, 2 * 3 * kPause);
}

TEST(Program, SmallerBatchLeavesOutWhatHoldsNoImage) {
  Program<float> program(Partition::make(40, 4, false), 2);
  std::atomic<std::int64_t> images{0}, most{0};
  program.over_images("count", {}, [&](const Task& task) {
    images += task.valid;
    std::int64_t seen = most;
    while (task.first_image + task.valid > seen && !most.compare_exchange_weak(seen, task.first_image + task.valid)) {
    }
  });
  const Placed<float> placed(program);
  Team team(2);
  for (const std::int64_t size : {1, 3, 4, 5, 39, 40}) {
    images = most = 0;
    Batch batch;
    batch.size = size;
    program.run(state_of(batch, 4), false, team);
    EXPECT_EQ(images, size);
    EXPECT_EQ(most, size);
  }
}

// Programs of random operations: each fills a slot with a function of slots written before. Only where memory plan,
// phases and barriers are right does every slot still hold its value when it is read.
class RandomProgram {
 public:
  RandomProgram(std::uint64_t seed, int threads)
      : random_(derive_key(seed, "program"), 0),
        partition_(Partition::make(kBatch, kLanes, true)),
        program_(partition_, threads) {
    for (int i = 0; i < 40; ++i) add();
    program_.keep(values_.back().slot);
  }

  // Number of wrong values that were read, and whether the last value is still there.
  int wrong_after_steps(int threads) {
    const Placed<float> placed(program_);
    Team team(threads);
    Batch batch;
    batch.size = kBatch;
    for (int step = 0; step < 3; ++step) program_.run(state_of(batch, kLanes), false, team);
    const Value& last = values_.back();
    for (std::int64_t b = 0; b < partition_.blocks; ++b)
      if (last.slot->base[b * last.slot->block_stride] != last.value) ++wrong_;
    return wrong_;
  }

 private:
  static constexpr std::int64_t kBatch = 90, kLanes = 4;
  struct Value {
    Slot<float>* slot;
    float value;
  };

  void add() {
    const auto value = static_cast<float>(values_.size() + 1);
    const auto size = static_cast<std::int64_t>(1 + random_.below(50));
    Slot<float>* out = program_.add_slot(Slot<float>::Kind::images, size);
    std::vector<Value> sources;
    for (std::uint64_t i = random_.below(3); i > 0 && !values_.empty(); --i)
      sources.push_back(values_[random_.below(values_.size())]);
    Slot<float>* first = sources.empty() ? nullptr : sources.front().slot;
    Slot<float>* second = sources.size() < 2 ? nullptr : sources.back().slot;
    if (random_.below(4) == 0) {
      // The whole batch, a task a block.
      program_.tasks("tasks", {first, second, out}, partition_.blocks, [=, this](const Task& task) {
        for (const Value& source : sources)
          check(source.slot->base + task.index * source.slot->block_stride, source.slot->size * kLanes, source.value);
        std::fill_n(out->base + task.index * out->block_stride, size * kLanes, value);
      });
    } else {
      if (random_.below(3) == 0) program_.end_phase();
      // Block by block, which other threads may help with.
      program_.over_images("images", {first, second, out}, [=, this](const Task& task) {
        task.crew->share(task.blocks, [&](std::int64_t block) {
          for (const Value& source : sources) {
            const std::int64_t count = source.slot->size * kLanes;
            check(source.slot->at(task) + block * count, count, source.value);
          }
          std::fill_n(out->at(task) + block * size * kLanes, size * kLanes, value);
        });
      });
    }
    values_.push_back({out, value});
  }

  void check(const float* from, std::int64_t count, float value) {
    for (std::int64_t i = 0; i < count; ++i)
      if (from[i] != value) ++wrong_;
  }

  Random random_;
  Partition partition_;
  Program<float> program_;
  std::vector<Value> values_;
  std::atomic<int> wrong_{0};
};

TEST(Program, SlotsHoldTheirValuesUntilTheLastReader) {
  for (std::uint64_t seed = 0; seed < 60; ++seed)
    for (const int threads : {1, 3}) EXPECT_EQ(RandomProgram(seed, threads).wrong_after_steps(threads), 0) << seed;
}

TEST(Program, SlotsOfOnePhaseAreOfTheThread) {
  Program<float> program(Partition::make(64, 4, true), 2);
  Slot<float>* local = program.add_slot(Slot<float>::Kind::images, 1000);
  Slot<float>* shared = program.add_slot(Slot<float>::Kind::images, 10);
  program.over_images("write", {local, shared}, [](const Task&) {});
  program.over_images("read", {local}, [](const Task&) {});
  program.tasks("whole", {shared}, 1, [](const Task&) {});
  program.assign();
  EXPECT_EQ(program.thread_bytes(), 1000 * 4 * 4);     // a block
  EXPECT_EQ(program.shared_bytes(), 10 * 4 * 4 * 16);  // every block
}

}  // namespace
}  // namespace hone
