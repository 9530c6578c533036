// Work in parts that other threads help with while they have to wait.
#pragma once

#include <atomic>
#include <cstdint>

namespace hone {

class Barrier;

// One thread at work, and whoever helps it. Without a barrier it stays alone.
class alignas(64) Crew {
 public:
  // From now on threads that wait at `barrier` may help; null: nobody does.
  void meet(Barrier* barrier) noexcept { barrier_ = barrier; }
  // What the work is, for those who help.
  void set_label(int label) noexcept { label_ = label; }

  // Calls body(part) for each part, 0 .. parts - 1, once, and returns when all are done. Parts are independent of each
  // other: which thread runs one, and when, changes nothing in the result. No part shares work itself.
  template <class Body>
  void share(std::int64_t parts, const Body& body) noexcept {
    if (barrier_ == nullptr || parts <= 1) {
      for (std::int64_t part = 0; part < parts; ++part) body(part);
      return;
    }
    share_with_others(
        parts, [](const void* context, std::int64_t part) noexcept { (*static_cast<const Body*>(context))(part); },
        &body);
  }

  // On another thread: runs a part of what is shared at the moment. The work's label; -1: there is nothing to do.
  int help() noexcept;

 private:
  using Body = void (*)(const void* context, std::int64_t part) noexcept;
  void share_with_others(std::int64_t parts, Body body, const void* context) noexcept;
  std::int64_t take() noexcept;
  void run(std::int64_t part) noexcept;

  Barrier* barrier_ = nullptr;
  int label_ = 0;
  Body body_ = nullptr;
  const void* context_ = nullptr;
  std::uint64_t serial_ = 0;
  std::uint32_t parts_ = 0;
  std::atomic<std::uint64_t> next_{0};  // serial number, parts, next part
  std::atomic<std::uint32_t> done_{0};
};

}  // namespace hone
