#include "engine/base/arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>

#include "engine/base/error.hpp"

namespace hone {

namespace {

[[noreturn]] void fail(std::int64_t bytes) {
  throw Error(ErrorKind::config, "the network needs " + std::to_string(bytes >> 20) + " MiB, this machine has " +
                                     std::to_string(available_memory() >> 20) +
                                     " MiB; expected a smaller model or batch_size");
}

}  // namespace

void Slab::Free::operator()(std::byte* memory) const { std::free(memory); }

Slab::Slab(std::int64_t bytes) : size_(align_up(std::max<std::int64_t>(bytes, 1))) {
  // Not written to here: zeroing gigabytes takes seconds, and the system gives them zeroed, page by page when used.
  if (size_ <= available_memory())
    block_.reset(static_cast<std::byte*>(std::calloc(static_cast<std::size_t>(size_) + alignment(), 1)));
  if (!block_) fail(size_);
  // A hint, no more: a system that has none to give goes on with small pages.
  if (size_ >= kHugePage) madvise(data(), static_cast<std::size_t>(size_ / kHugePage * kHugePage), MADV_HUGEPAGE);
}

std::int64_t available_memory() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
}

int ArenaPlanner::book(std::int64_t bytes, int first, int last) {
  if (bytes > available_memory()) fail(bytes);  // so that sums of bookings cannot overflow
  bookings_.push_back({align_up(bytes), first, last});
  return static_cast<int>(bookings_.size()) - 1;
}

void ArenaPlanner::assign() {
  std::vector<std::size_t> order(bookings_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return bookings_[a].bytes > bookings_[b].bytes; });
  std::vector<const Booking*> placed;  // by offset
  for (const std::size_t index : order) {
    Booking& booking = bookings_[index];
    std::int64_t offset = 0;
    for (const Booking* other : placed) {
      if (other->last < booking.first || booking.last < other->first) continue;
      if (offset + booking.bytes <= other->offset) break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    booking.offset = offset;
    size_ = std::max(size_, offset + booking.bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &booking,
                                   [](const Booking* a, const Booking* b) { return a->offset < b->offset; }),
                  &booking);
  }
}

}  // namespace hone
