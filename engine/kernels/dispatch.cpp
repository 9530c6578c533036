#include "engine/kernels/dispatch.hpp"

#include <algorithm>
#include <cstdlib>

#include "engine/base/error.hpp"
#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/ref/reference_table.hpp"

namespace hone {
namespace {

struct Isa {
  std::string_view name;
  const KernelTable<float>& (*table)();
  const KernelTable<float>& (*single_table)();  // null: none
  bool (*supported)();
  std::string_view needs;
};

// A table is made at its first use, on a CPU that can run it.
template <KernelTable<float> (*make)()>
const KernelTable<float>& table_of() {
  static const KernelTable<float> table = make();
  return table;
}

// Slowest first, as far as they are built in. A new set of kernels: one line here, one file in isa/.
constexpr Isa kIsas[] = {
    {"reference", table_of<ref::reference_table<float, 1>>, nullptr, [] { return true; }, "any CPU"},
#ifdef HONE_ISA_sse2
    {"sse2", table_of<make_sse2_table>, table_of<make_sse2_single_table>, [] { return true; }, "SSE2"},
#endif
#ifdef HONE_ISA_avx2
    {"avx2", table_of<make_avx2_table>, table_of<make_avx2_single_table>,
     [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }, "AVX2 and FMA"},
#endif
#ifdef HONE_ISA_avx512
    {"avx512", table_of<make_avx512_table>, table_of<make_avx512_single_table>,
     [] {
       return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
              __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
              __builtin_cpu_supports("avx512vl") != 0;
     },
     "AVX-512 F, CD, DQ, BW and VL"},
#endif
#ifdef HONE_ISA_neon64
    {"neon64", table_of<make_neon64_table>, table_of<make_neon64_single_table>, [] { return true; }, "NEON"},
#endif
};

const Isa& find_isa(std::string_view name) {
  std::string known;
  for (const Isa& isa : kIsas) {
    if (isa.name == name) {
      if (!isa.supported())
        throw Error(ErrorKind::usage,
                    "HONE_ISA: this CPU cannot run '" + std::string(name) + "'; it needs " + std::string(isa.needs));
      return isa;
    }
    known += (known.empty() ? "" : ", ") + std::string(isa.name);
  }
  throw Error(ErrorKind::usage, "HONE_ISA: unknown '" + std::string(name) + "'; expected one of " + known);
}

IsaChoice choose() {
  if (const char* wanted = std::getenv("HONE_ISA"); wanted != nullptr && *wanted != '\0')
    return {std::string(find_isa(wanted).name), "asked for by HONE_ISA"};
  const auto best = std::find_if(std::rbegin(kIsas), std::rend(kIsas), [](const Isa& isa) { return isa.supported(); });
  return {std::string(best->name), "the fastest that this CPU has (" + std::string(best->needs) + ")"};
}

}  // namespace

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : kIsas)
    if (isa.supported()) names.push_back(isa.name);
  return names;
}

const IsaChoice& chosen_isa() {
  static const IsaChoice choice = choose();
  return choice;
}

template <>
const KernelTable<float>& kernel_table<float>(std::string_view isa) {
  return find_isa(isa.empty() ? std::string_view(chosen_isa().name) : isa).table();
}

template <>
const KernelTable<double>& kernel_table<double>(std::string_view) {
  static const KernelTable<double> table = ref::reference_table<double, 1>();
  return table;
}

template <>
const KernelTable<float>* single_kernel_table<float>(std::string_view isa) {
  const Isa& found = find_isa(isa.empty() ? std::string_view(chosen_isa().name) : isa);
  return found.single_table == nullptr ? nullptr : &found.single_table();
}

template <>
const KernelTable<double>* single_kernel_table<double>(std::string_view) {
  return nullptr;
}

}  // namespace hone
