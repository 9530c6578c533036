#include "engine/data/batcher.hpp"

#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/rng.hpp"

namespace hone {
namespace {

struct Slot {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  std::vector<std::uint32_t> ids;
  std::int64_t size = 0;
  std::uint64_t epoch = 0;
  std::int64_t cursor = 0;
};

// Signals are for the main thread: a thread inherits the mask of the one that starts it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

std::int64_t batches_per_epoch(std::int64_t count, std::int64_t batch_size, bool drop_single) {
  const std::int64_t rest = count % batch_size;
  return count / batch_size + (rest == 0 || (rest == 1 && drop_single) ? 0 : 1);
}

std::int64_t last_batch_size(std::int64_t count, std::int64_t batch_size, bool drop_single) {
  const std::int64_t rest = count % batch_size;
  return rest == 0 || (rest == 1 && drop_single) ? batch_size : rest;
}

struct Batcher::Impl {
  Impl(const Split& data, const BatcherOptions& given, std::uint64_t epoch, std::int64_t cursor)
      : split(data),
        options(given),
        image_bytes(data.count > 0 ? data.pixels.size() / static_cast<std::size_t>(data.count) : 0),
        batches(hone::batches_per_epoch(data.count, given.batch_size, given.drop_single)),
        key(derive_key(given.seed, "shuffle")),
        order(static_cast<std::size_t>(data.count)),
        slots(static_cast<std::size_t>(std::max(given.depth, 1)) + 1) {
    const auto largest = static_cast<std::size_t>(std::min(options.batch_size, split.count));
    for (Slot& slot : slots) {
      slot.pixels.resize(largest * image_bytes);
      slot.labels.resize(largest);
      slot.ids.resize(largest);
    }
    const SignalsBlocked blocked;
    thread = std::jthread([this, epoch, cursor] { run(epoch, cursor); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    free_slot.notify_one();
    thread.join();
  }

  void run(std::uint64_t epoch, std::int64_t cursor) noexcept {
    try {
      for (bool shuffled = false;; shuffled = true) {
        if (!shuffled || cursor == batches) {
          if (cursor == batches) ++epoch, cursor = 0;
          std::iota(order.begin(), order.end(), 0u);
          Random(key, epoch).shuffle(std::span<std::uint32_t>(order));
        }
        Slot* slot = nullptr;
        {
          std::unique_lock lock(mutex);
          // The slot of the batch that next() gave last is the caller's until its next call.
          free_slot.wait(lock, [this] { return stopping || produced - released < slots.size(); });
          if (stopping) return;
          slot = &slots[produced % slots.size()];
        }
        if (options.before_batch) options.before_batch(epoch, cursor);
        gather(*slot, epoch, cursor++);
        {
          const std::lock_guard lock(mutex);
          ++produced;
        }
        ready.notify_one();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
    ready.notify_one();
  }

  void gather(Slot& slot, std::uint64_t epoch, std::int64_t cursor) const {
    const std::int64_t first = cursor * options.batch_size;
    slot.size = std::min(options.batch_size, split.count - first);
    slot.epoch = epoch;
    slot.cursor = cursor;
    for (std::size_t i = 0; i < static_cast<std::size_t>(slot.size); ++i) {
      const std::size_t from = order[static_cast<std::size_t>(first) + i];
      std::memcpy(slot.pixels.data() + i * image_bytes, split.pixels.data() + from * image_bytes, image_bytes);
      slot.labels[i] = split.labels[from];
      slot.ids[i] = split.ids[from];
    }
  }

  const Slot& next() {
    std::unique_lock lock(mutex);
    if (current != nullptr) {
      current = nullptr;
      ++released;
      free_slot.notify_one();
    }
    ready.wait(lock, [this] { return produced > released || failure != nullptr; });
    if (produced == released) std::rethrow_exception(failure);
    current = &slots[released % slots.size()];
    return *current;
  }

  const Split& split;
  const BatcherOptions options;
  const std::size_t image_bytes;
  const std::int64_t batches;
  const std::uint64_t key;
  std::vector<std::uint32_t> order;  // the thread's alone
  std::vector<Slot> slots;           // a ring; the thread owns [produced], the caller [released]

  std::mutex mutex;
  std::condition_variable free_slot, ready;
  std::uint64_t produced = 0, released = 0;  // batches since the start
  bool stopping = false;
  std::exception_ptr failure;
  const Slot* current = nullptr;  // the caller's alone
  std::jthread thread;            // last: everything above is there before it starts
};

Batcher::Batcher(const Split& split, const BatcherOptions& options, std::uint64_t epoch, std::int64_t cursor) {
  if (options.batch_size < 1) throw Error(ErrorKind::config, "batch_size must be at least 1");
  const auto count = static_cast<std::size_t>(split.count);
  if (split.labels.size() != count || split.ids.size() != count || (count > 0 && split.pixels.size() % count != 0))
    throw Error(ErrorKind::internal, "a split whose arrays do not agree");
  const std::int64_t batches = hone::batches_per_epoch(split.count, options.batch_size, options.drop_single);
  if (batches < 1)
    throw Error(ErrorKind::config,
                "too few training images for one batch; expected at least one (two with batch norm)");
  if (cursor < 0 || cursor > batches) throw Error(ErrorKind::internal, "a cursor outside of the epoch");
  impl_ = std::make_unique<Impl>(split, options, epoch, cursor);
}

Batcher::~Batcher() = default;

Batch Batcher::next() {
  const Slot& slot = impl_->next();
  return {slot.size, slot.pixels.data(), slot.labels.data(), slot.ids.data(), impl_->options.augmenter};
}

std::uint64_t Batcher::epoch() const { return impl_->current != nullptr ? impl_->current->epoch : 0; }
std::int64_t Batcher::cursor() const { return impl_->current != nullptr ? impl_->current->cursor : 0; }
std::int64_t Batcher::batches_per_epoch() const { return impl_->batches; }

Batch slice(const Split& split, std::int64_t first, std::int64_t count) {
  const std::size_t bytes = split.count > 0 ? split.pixels.size() / static_cast<std::size_t>(split.count) : 0;
  const auto at = static_cast<std::size_t>(first);
  return {std::min(count, split.count - first), split.pixels.data() + at * bytes, split.labels.data() + at,
          split.ids.data() + at, nullptr};
}

}  // namespace hone
