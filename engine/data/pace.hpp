// When to look up from work on many bytes.
#pragma once

#include <cstddef>
#include <functional>

namespace hone {

// Calls `progress`, which may be empty, each time so many bytes are done that a second is far away.
class Pace {
 public:
  explicit Pace(const std::function<void()>& progress) : progress_(progress) {}
  void done(std::size_t bytes) {
    constexpr std::size_t kMany = std::size_t{16} << 20;
    since_ += bytes;
    if (since_ < kMany) return;
    since_ = 0;
    if (progress_) progress_();
  }

 private:
  const std::function<void()>& progress_;
  std::size_t since_ = 0;
};

}  // namespace hone
