#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/simd/single_table-inl.hpp"
#include "engine/kernels/simd/table-inl.hpp"

hone::KernelTable<float> hone::make_avx512_table() { return simd::make_table<xsimd::avx512bw>("avx512"); }
hone::KernelTable<float> hone::make_avx512_single_table() { return simd::make_single_table<xsimd::avx512bw>("avx512"); }
