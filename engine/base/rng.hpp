// Counter-based random numbers: any draw can be computed from its key alone, so order of calls, threads, prefetching
// and resuming change nothing. Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "engine/base/portable_math.hpp"

namespace hone {

struct Philox {
  // The 128 random bits at a counter. Always inlined: a copy compiled with one ISA's flags must not be what the linker
  // picks for all.
  [[gnu::always_inline]] static inline constexpr std::array<std::uint32_t, 4> at(std::uint64_t key,
                                                                                 std::uint64_t counter_hi,
                                                                                 std::uint64_t counter_lo) {
    std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    std::uint32_t c0 = static_cast<std::uint32_t>(counter_lo), c1 = static_cast<std::uint32_t>(counter_lo >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(counter_hi), c3 = static_cast<std::uint32_t>(counter_hi >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0;
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2;
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(p1);
      c3 = static_cast<std::uint32_t>(p0);
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return {c0, c1, c2, c3};
  }
};

// A key for one use of a run's seed ("shuffle", "dropout", "augment" ...): uses with different names are independent.
constexpr std::uint64_t derive_key(std::uint64_t seed, std::string_view use) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : use) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  const auto bits = Philox::at(seed, hash, ~std::uint64_t{0});
  return (std::uint64_t{bits[1]} << 32) | bits[0];
}

// A sequence of draws: the counter's upper half is the stream, its lower half counts blocks of four from `first`.
// Everything is bitwise the same on every machine. 2^64 streams a key.
class Random {
 public:
  Random(std::uint64_t key, std::uint64_t stream, std::uint64_t first = 0)
      : key_(key), stream_(stream), next_block_(first) {}

  std::uint32_t next_u32() {
    if (used_ == 4) {
      block_ = Philox::at(key_, stream_, next_block_++);
      used_ = 0;
    }
    return block_[used_++];
  }

  std::uint64_t next_u64() {
    const std::uint64_t low = next_u32();
    return (std::uint64_t{next_u32()} << 32) | low;
  }

  // Uniform in 0 .. n - 1 without bias (Lemire's multiply and reject; masks above 32 bits). n = 0 gives 0.
  std::uint64_t below(std::uint64_t n) {
    if (n <= 1) return 0;
    if (n <= 0xffffffffULL) {
      const auto bound = static_cast<std::uint32_t>(n);
      std::uint64_t product = std::uint64_t{next_u32()} * bound;
      if (static_cast<std::uint32_t>(product) < bound) {
        const std::uint32_t threshold = (0u - bound) % bound;
        while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next_u32()} * bound;
      }
      return product >> 32;
    }
    const int unused = std::countl_zero(n - 1);
    for (;;) {
      const std::uint64_t draw = next_u64() >> unused;
      if (draw < n) return draw;
    }
  }

  // Uniform in [0, 1): 24 and 53 random bits.
  float uniform_float() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }
  double uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

  // Standard normal: Marsaglia's polar method; sqrt is correctly rounded everywhere, the logarithm is our own.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    for (;;) {
      const double u = 2.0 * uniform() - 1.0;
      const double v = 2.0 * uniform() - 1.0;
      const double radius = u * u + v * v;
      if (radius >= 1.0 || radius < 1e-300) continue;
      const double factor = std::sqrt(-2.0 * portable::log(radius) / radius);
      spare_ = v * factor;
      has_spare_ = true;
      return u * factor;
    }
  }

  // Fisher-Yates: every order is equally likely.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      const auto j = static_cast<std::size_t>(below(i));
      using std::swap;
      swap(values[i - 1], values[j]);
    }
  }

 private:
  std::uint64_t key_;
  std::uint64_t stream_;
  std::uint64_t next_block_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace hone
