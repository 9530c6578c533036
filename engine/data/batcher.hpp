// Batches for training: shuffled by (seed, epoch), gathered ahead of time on a thread of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/data/dataset.hpp"
#include "engine/graph/network.hpp"

namespace hone {

struct BatcherOptions {
  std::int64_t batch_size = 64;
  std::uint64_t seed = 0;
  const Augmenter* augmenter = nullptr;  // handed on in every batch; not owned
  bool drop_single = false;              // leave out a last batch of one image: batch norm can't train on it
  int depth = 4;                         // batches gathered ahead
  // Called on the thread before a batch is gathered; what it throws comes out of next().
  std::function<void(std::uint64_t epoch, std::int64_t cursor)> before_batch = {};
};

// Batches of an epoch over `count` images, and the size of its last one: the batch size, or what is left.
std::int64_t batches_per_epoch(std::int64_t count, std::int64_t batch_size, bool drop_single);
std::int64_t last_batch_size(std::int64_t count, std::int64_t batch_size, bool drop_single);

class Batcher {
 public:
  // Starts before batch `cursor` of `epoch`: epoch and cursor alone decide what comes. `split` is not copied and must
  // stay as it is. Throws Error(config) where no batch can be made.
  Batcher(const Split& split, const BatcherOptions& options, std::uint64_t epoch = 0, std::int64_t cursor = 0);
  ~Batcher();  // at any moment; waits for the one batch that is being gathered
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // The next batch, valid until the next call; after an epoch's last one the next epoch's first. Rethrows what went
  // wrong on the thread, at the batch where it did.
  Batch next();

  // Of the batch that next() gave.
  std::uint64_t epoch() const;
  std::int64_t cursor() const;

  std::int64_t batches_per_epoch() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// For evaluation: images first .. first + count - 1 of the split, in its order, where they are.
Batch slice(const Split& split, std::int64_t first, std::int64_t count);

}  // namespace hone
