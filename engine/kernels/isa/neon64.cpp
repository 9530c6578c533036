#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/simd/single_table-inl.hpp"
#include "engine/kernels/simd/table-inl.hpp"

hone::KernelTable<float> hone::make_neon64_table() { return simd::make_table<xsimd::neon64>("neon64"); }
hone::KernelTable<float> hone::make_neon64_single_table() { return simd::make_single_table<xsimd::neon64>("neon64"); }
