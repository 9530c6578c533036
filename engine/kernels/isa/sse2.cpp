#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/simd/single_table-inl.hpp"
#include "engine/kernels/simd/table-inl.hpp"

hone::KernelTable<float> hone::make_sse2_table() { return simd::make_table<xsimd::sse2>("sse2"); }
hone::KernelTable<float> hone::make_sse2_single_table() { return simd::make_single_table<xsimd::sse2>("sse2"); }
