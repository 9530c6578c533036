#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/simd/table-inl.hpp"

hone::KernelTable<float> hone::make_neon64_table() { return simd::make_table<xsimd::neon64>("neon64"); }
