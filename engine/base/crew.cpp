#include "engine/base/crew.hpp"

#include "engine/base/parallel.hpp"

namespace hone {
namespace {

// All in one word, so that a helper that was away takes no part of other work than it saw.
constexpr int kBits = 22;
constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;

}  // namespace

// The next part that nobody has taken yet; -1: none.
std::int64_t Crew::take() noexcept {
  std::uint64_t next = next_.load(std::memory_order_acquire);
  while ((next & kMask) < (next >> kBits & kMask))
    if (next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel, std::memory_order_acquire))
      return static_cast<std::int64_t>(next & kMask);
  return -1;
}

void Crew::run(std::int64_t part) noexcept {
  const std::uint32_t parts = parts_;  // once all are done, the owner goes on
  body_(context_, part);
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == parts) done_.notify_all();
}

void Crew::share_with_others(std::int64_t parts, Body body, const void* context) noexcept {
  if (parts > static_cast<std::int64_t>(kMask)) {
    for (std::int64_t part = 0; part < parts; ++part) body(context, part);
    return;
  }
  body_ = body;
  context_ = context;
  parts_ = static_cast<std::uint32_t>(parts);
  done_.store(0, std::memory_order_relaxed);
  next_.store(++serial_ << 2 * kBits | static_cast<std::uint64_t>(parts) << kBits, std::memory_order_release);
  barrier_->call_for_help();
  for (std::int64_t part = take(); part >= 0; part = take()) run(part);
  wait_for(done_, parts_);
}

int Crew::help() noexcept {
  const std::int64_t part = take();
  if (part < 0) return -1;
  const int label = label_;
  run(part);
  return label;
}

}  // namespace hone
