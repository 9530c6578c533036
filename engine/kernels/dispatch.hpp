// Which kernels run: the best that this machine has, unless HONE_ISA names others. Decided once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/table.hpp"

namespace hone {

struct IsaChoice {
  std::string name;    // sse2, avx2, avx512, neon64, reference
  std::string reason;  // for `hone info`
};

// Kernel sets that this machine can run, slowest first; "reference" is always there.
std::vector<std::string_view> available_isas();

// Throws Error(usage) where HONE_ISA names a set that is unknown or that this machine cannot run.
const IsaChoice& chosen_isa();

// Empty: the chosen one. Throws Error(usage) as above. Double precision has reference kernels only.
template <class T>
const KernelTable<T>& kernel_table(std::string_view isa = {});

// The ISA's kernels for a few images, with lanes = 1; null where it has none. They agree with those of kernel_table()
// but for rounding.
template <class T>
const KernelTable<T>* single_kernel_table(std::string_view isa = {});

template <>
const KernelTable<float>& kernel_table<float>(std::string_view isa);
template <>
const KernelTable<double>& kernel_table<double>(std::string_view isa);
template <>
const KernelTable<float>* single_kernel_table<float>(std::string_view isa);
template <>
const KernelTable<double>* single_kernel_table<double>(std::string_view isa);

// Up to so many images are a few: left to those kernels, which are faster then than blocks of `lanes` images.
inline std::int64_t few_images(std::int64_t lanes) { return lanes * 3 / 4 < 1 ? 1 : lanes * 3 / 4; }

// What a batch of so many images is computed with.
template <class T>
const KernelTable<T>& kernel_table_for(std::int64_t images, std::string_view isa = {}) {
  const KernelTable<T>& table = kernel_table<T>(isa);
  const KernelTable<T>* single = single_kernel_table<T>(isa);
  return single != nullptr && images <= few_images(table.lanes) ? *single : table;
}

}  // namespace hone
