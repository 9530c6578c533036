// Shape of one image or one layer's output: channels, height, width.
#pragma once

#include <cstdint>
#include <string>

namespace hone {

struct Shape {
  std::int64_t c = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;

  std::int64_t size() const { return c * h * w; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

inline std::string to_string(const Shape& s) {
  return "[" + std::to_string(s.c) + ", " + std::to_string(s.h) + ", " + std::to_string(s.w) + "]";
}

}  // namespace hone
