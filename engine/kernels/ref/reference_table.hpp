// Tables of reference kernels. Instantiated in reference_table.cpp alone, with ordinary flags.
#pragma once

#include "engine/kernels/table.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
KernelTable<T> reference_table();

extern template KernelTable<double> reference_table<double, 1>();
extern template KernelTable<float> reference_table<float, 1>();
extern template KernelTable<float> reference_table<float, 4>();
extern template KernelTable<float> reference_table<float, 8>();
extern template KernelTable<float> reference_table<float, 16>();

}  // namespace hone::ref
