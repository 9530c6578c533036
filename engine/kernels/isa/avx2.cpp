#include "engine/kernels/isa/tables.hpp"
#include "engine/kernels/simd/single_table-inl.hpp"
#include "engine/kernels/simd/table-inl.hpp"

hone::KernelTable<float> hone::make_avx2_table() { return simd::make_table<xsimd::fma3<xsimd::avx2>>("avx2"); }
hone::KernelTable<float> hone::make_avx2_single_table() {
  return simd::make_single_table<xsimd::fma3<xsimd::avx2>>("avx2");
}
