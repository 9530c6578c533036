// Memory of a network: aligned slabs, and the plan that puts many buffers with known lifetimes into one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hone {

// A cache line, and the widest vector.
inline constexpr std::size_t kAlignment = 64;

inline constexpr std::int64_t align_up(std::int64_t bytes, std::int64_t alignment = kAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// An aligned block of zeroed bytes, a large one in huge pages where the system has them: of small ones, the processor
// looks up more addresses than it remembers. Throws Error(config) where the machine has not that much memory.
class Slab {
 public:
  Slab() = default;
  explicit Slab(std::int64_t bytes);
  std::byte* data() { return block_ ? block_.get() + padding() : nullptr; }
  const std::byte* data() const { return block_ ? block_.get() + padding() : nullptr; }
  std::int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  static constexpr std::int64_t kHugePage = 2 << 20;
  std::size_t alignment() const { return size_ < kHugePage ? kAlignment : std::size_t{kHugePage}; }
  std::ptrdiff_t padding() const {
    return static_cast<std::ptrdiff_t>(-reinterpret_cast<std::uintptr_t>(block_.get()) % alignment());
  }
  std::unique_ptr<std::byte[], Free> block_;
  std::int64_t size_ = 0;
};

// Bytes of memory of this machine.
std::int64_t available_memory();

// Buffers with lifetimes are booked, then all offsets are assigned at once: two buffers whose lifetimes overlap never
// share a byte, others may.
class ArenaPlanner {
 public:
  // Throws Error(config) where the machine has not that much memory.
  // In use from instant `first` to instant `last`, both included. Returns the booking's number.
  int book(std::int64_t bytes, int first, int last);
  // Greedy by size: the largest buffer first, each at the lowest offset that is free during its whole life.
  void assign();
  std::int64_t offset(int booking) const { return bookings_[static_cast<std::size_t>(booking)].offset; }
  std::int64_t size() const { return size_; }

 private:
  struct Booking {
    std::int64_t bytes;
    int first, last;
    std::int64_t offset = 0;
  };
  std::vector<Booking> bookings_;
  std::int64_t size_ = 0;
};

}  // namespace hone
