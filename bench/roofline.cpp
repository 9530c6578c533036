#include "bench/roofline.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/arena.hpp"

namespace hone::bench {
namespace {

// Accumulators enough to hide the latency of a fused multiply-add on any CPU: 12, on two units of latency 4 or 5.
#define HONE_TWELVE(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)

#if defined(__x86_64__)
#define HONE_CLOBBER                                                                                                  \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "cc"
#define HONE_ZERO_SSE(i) "xorps %%xmm" #i ", %%xmm" #i "\n"
#define HONE_ZERO_AVX(i) "vxorps %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n"
#define HONE_SSE(i) "mulps %%xmm12, %%xmm" #i "\naddps %%xmm13, %%xmm" #i "\n"
#define HONE_AVX(i) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #i "\n"
#define HONE_AVX512(i) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #i "\n"

void flops_sse2(std::int64_t rounds) noexcept {
  asm volatile(HONE_TWELVE(HONE_ZERO_SSE) HONE_ZERO_SSE(12)
                   HONE_ZERO_SSE(13) "1:\n" HONE_TWELVE(HONE_SSE) "dec %0\njnz 1b\n"
               : "+r"(rounds)
               :
               : HONE_CLOBBER);
}

void flops_avx2(std::int64_t rounds) noexcept {
  asm volatile(HONE_TWELVE(HONE_ZERO_AVX) HONE_ZERO_AVX(12)
                   HONE_ZERO_AVX(13) "1:\n" HONE_TWELVE(HONE_AVX) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(rounds)
               :
               : HONE_CLOBBER);
}

void flops_avx512(std::int64_t rounds) noexcept {
  asm volatile(HONE_TWELVE(HONE_ZERO_AVX) HONE_ZERO_AVX(12)
                   HONE_ZERO_AVX(13) "1:\n" HONE_TWELVE(HONE_AVX512) "dec %0\njnz 1b\nvzeroupper\n"
               : "+r"(rounds)
               :
               : HONE_CLOBBER);
}
#elif defined(__aarch64__)
#define HONE_NEON(i) "fmla v" #i ".4s, v12.4s, v13.4s\n"
#define HONE_ZERO_NEON(i) "movi v" #i ".4s, #0\n"

void flops_neon64(std::int64_t rounds) noexcept {
  asm volatile(HONE_TWELVE(HONE_ZERO_NEON) HONE_ZERO_NEON(12)
                   HONE_ZERO_NEON(13) "1:\n" HONE_TWELVE(HONE_NEON) "subs %0, %0, #1\nb.ne 1b\n"
               : "+r"(rounds)
               :
               : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "cc");
}
#endif

struct FlopsKernel {
  std::string_view isa;
  std::int64_t lanes;
  void (*run)(std::int64_t rounds) noexcept;
};

// The first one also stands for kernels of no particular ISA.
constexpr FlopsKernel kFlops[] = {
#if defined(__x86_64__)
    {"sse2", 4, flops_sse2},
    {"avx2", 8, flops_avx2},
    {"avx512", 16, flops_avx512},
#elif defined(__aarch64__)
    {"neon64", 4, flops_neon64},
#endif
};

const FlopsKernel& flops_kernel(std::string_view isa) {
  for (const FlopsKernel& kernel : kFlops)
    if (kernel.isa == isa) return kernel;
  return kFlops[0];
}

// Seconds that `run` takes, the best of a few.
template <class Run>
double best_seconds(const Run& run) {
  run();
  double best = 1e30;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

std::int64_t cache_bytes(int name, std::int64_t fallback) {
  const std::int64_t bytes = sysconf(name);
  return bytes > 0 ? bytes : fallback;
}

}  // namespace

std::int64_t flops_per_round(std::string_view isa) { return 12 * 2 * flops_kernel(isa).lanes; }

void run_flops(std::string_view isa, std::int64_t rounds, Team& team) noexcept {
  struct Context {
    const FlopsKernel& kernel;
    std::int64_t rounds;
  } context{flops_kernel(isa), rounds};
  team.run(
      [](void* self, int, Barrier& barrier) noexcept {
        const auto& all = *static_cast<const Context*>(self);
        all.kernel.run(all.rounds);
        barrier.wait();
      },
      &context);
}

double peak_flops(std::string_view isa, int threads) {
  static std::map<std::pair<std::string, int>, double> known;
  double& peak = known[{std::string(isa), threads}];
  if (peak > 0) return peak;
  constexpr std::int64_t kRounds = 400'000;  // about a millisecond
  Team team(threads);
  const double seconds = best_seconds([&] { run_flops(isa, kRounds, team); });
  return peak = static_cast<double>(kRounds * flops_per_round(isa) * threads) / seconds;
}

std::string_view to_string(Memory level) {
  switch (level) {
    case Memory::l1:
      return "l1";
    case Memory::l2:
      return "l2";
    case Memory::l3:
      return "l3";
    case Memory::dram:
      break;
  }
  return "dram";
}

std::int64_t working_set(Memory level, int threads) {
  std::int64_t l1 = 32 << 10, l2 = 512 << 10, l3 = 8 << 20;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  l1 = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, l1);
  l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE, l2);
  l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE, l3);
#endif
  std::int64_t bytes = 0;
  switch (level) {
    case Memory::l1:
      bytes = l1 / 2;
      break;
    case Memory::l2:
      bytes = l2 / 2;
      break;
    case Memory::l3:
      bytes = std::max(2 * l2, l3 / 2 / threads);
      break;
    case Memory::dram:
      bytes = std::max<std::int64_t>(4 * l3, 64 << 20) / threads;
      break;
  }
  return bytes / 4096 * 4096;
}

#if defined(__x86_64__)
namespace {

void read_avx(const std::byte* data, std::int64_t bytes) noexcept {
  asm volatile(
      "1:\n"
      "vmovaps (%0), %%ymm0\nvmovaps 32(%0), %%ymm1\nvmovaps 64(%0), %%ymm2\nvmovaps 96(%0), %%ymm3\n"
      "vmovaps 128(%0), %%ymm4\nvmovaps 160(%0), %%ymm5\nvmovaps 192(%0), %%ymm6\nvmovaps 224(%0), %%ymm7\n"
      "vmovaps 256(%0), %%ymm0\nvmovaps 288(%0), %%ymm1\nvmovaps 320(%0), %%ymm2\nvmovaps 352(%0), %%ymm3\n"
      "vmovaps 384(%0), %%ymm4\nvmovaps 416(%0), %%ymm5\nvmovaps 448(%0), %%ymm6\nvmovaps 480(%0), %%ymm7\n"
      "add $512, %0\ncmp %1, %0\njb 1b\nvzeroupper\n"
      : "+r"(data)
      : "r"(data + bytes)
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "cc", "memory");
}

void triad_avx(const std::byte* a, const std::byte* b, std::byte* dst, std::int64_t bytes) noexcept {
  std::int64_t at = -bytes;
  asm volatile(
      "vxorps %%xmm4, %%xmm4, %%xmm4\n1:\n"
      "vmovaps (%2,%0), %%ymm0\nvmovaps 32(%2,%0), %%ymm1\n"
      "vmulps (%1,%0), %%ymm4, %%ymm2\nvmulps 32(%1,%0), %%ymm4, %%ymm3\n"
      "vaddps %%ymm2, %%ymm0, %%ymm0\nvaddps %%ymm3, %%ymm1, %%ymm1\n"
      "vmovntps %%ymm0, (%3,%0)\nvmovntps %%ymm1, 32(%3,%0)\n"
      "add $64, %0\njnz 1b\nsfence\nvzeroupper\n"
      : "+r"(at)
      : "r"(b + bytes), "r"(a + bytes), "r"(dst + bytes)
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "cc", "memory");
}

}  // namespace
#endif

void read_bytes(const std::byte* data, std::int64_t bytes) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) {
    read_avx(data, bytes);
    return;
  }
#endif
  using Words [[gnu::vector_size(16)]] = std::uint32_t;
  Words a{}, b{}, c{}, d{};
  const auto* words = reinterpret_cast<const Words*>(data);
  for (std::int64_t i = 0; i < bytes / 16; i += 4) {
    a |= words[i];
    b |= words[i + 1];
    c |= words[i + 2];
    d |= words[i + 3];
  }
  a |= b | c | d;
  asm volatile("" : : "m"(a));
}

void triad(const std::byte* a, const std::byte* b, std::byte* dst, std::int64_t bytes) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx")) {
    triad_avx(a, b, dst, bytes);
    return;
  }
#endif
  using Floats [[gnu::vector_size(16)]] = float;
  const auto* left = reinterpret_cast<const Floats*>(a);
  const auto* right = reinterpret_cast<const Floats*>(b);
  auto* out = reinterpret_cast<Floats*>(dst);
  for (std::int64_t i = 0; i < bytes / 16; ++i) out[i] = left[i] + 0.5f * right[i];
}

double peak_bandwidth(int threads) {
  static std::map<int, double> known;
  double& peak = known[threads];
  if (peak > 0) return peak;
  struct Context {
    Slab slab;
    std::int64_t bytes;
  };
  const std::int64_t bytes = working_set(Memory::dram, threads) / 3 / 4096 * 4096;
  Context context{Slab(3 * bytes * threads), bytes};
  Team team(threads);
  const double seconds = best_seconds([&] {
    team.run(
        [](void* self, int thread, Barrier& barrier) noexcept {
          const auto& all = *static_cast<Context*>(self);
          auto* own = const_cast<std::byte*>(all.slab.data()) + 3 * all.bytes * thread;
          triad(own, own + all.bytes, own + 2 * all.bytes, all.bytes);
          barrier.wait();
        },
        &context);
  });
  return peak = 3 * static_cast<double>(bytes * threads) / seconds;
}

}  // namespace hone::bench
