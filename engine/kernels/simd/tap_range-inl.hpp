// Where along an axis a tap of a convolution reads inside the input.
#pragma once

#include "engine/kernels/simd/vector-inl.hpp"

namespace hone::simd {

template <class Arch>
struct TapRange {
  std::int64_t first = 0, end = 0;  // outputs
  friend bool operator==(const TapRange&, const TapRange&) = default;

  std::int64_t size() const noexcept { return end - first; }

  // Output i reads input i * stride + tap.
  static TapRange of(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t tap) noexcept {
    if (stride == 1) return TapRange{tap < 0 ? -tap : 0, tap < in ? in - tap : 0}.within(0, out);  // no divisions
    const std::int64_t first = tap < 0 ? (stride - 1 - tap) / stride : 0;
    const std::int64_t end = tap < in ? (in - 1 - tap) / stride + 1 : 0;
    return TapRange{first, end}.within(0, out);
  }

  // What of it is in [from, to); empty ranges have end == first.
  TapRange within(std::int64_t from, std::int64_t to) const noexcept {
    TapRange range{first > from ? first : from, end < to ? end : to};
    if (range.end < range.first) range.end = range.first;
    return range;
  }
};

}  // namespace hone::simd
