// What this machine can do at most: floating-point operations of one ISA, and bytes from each level of memory.
// Measured, never assumed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/parallel.hpp"

namespace hone::bench {

// Multiplies and adds registers with the widest vectors of `isa` (fused where it has that), `rounds` times on each
// thread of the team; nothing is read or written.
void run_flops(std::string_view isa, std::int64_t rounds, Team& team) noexcept;
// Operations of one round on one thread, a fused multiply-add being two.
std::int64_t flops_per_round(std::string_view isa);

// Best of several short runs, in operations a second; measured once a process for each ISA and number of threads.
double peak_flops(std::string_view isa, int threads);

enum class Memory { l1, l2, l3, dram };
inline constexpr std::array kMemories{Memory::l1, Memory::l2, Memory::l3, Memory::dram};
std::string_view to_string(Memory level);

// Bytes that a thread works on so that they stay in that level, a multiple of 4096.
std::int64_t working_set(Memory level, int threads);

// Reads `bytes` (a multiple of 512) at `data` (aligned to 64) with vectors of 32 bytes, or of 16 where there are none.
void read_bytes(const std::byte* data, std::int64_t bytes) noexcept;
// dst = a + scale * b over `bytes` of floats, dst written past the caches: the stream triad.
void triad(const std::byte* a, const std::byte* b, std::byte* dst, std::int64_t bytes) noexcept;

// Bytes a second of the triad over memory, reads and writes counted; measured once a process and number of threads.
double peak_bandwidth(int threads);

}  // namespace hone::bench
