// The kernels of one ISA for inference of a few images: lanes = 1, so that nothing is spent on images that are not
// there. Those of the backward pass are the reference's.
#pragma once

#include "engine/kernels/ref/reference_table.hpp"
#include "engine/kernels/simd/single_conv-inl.hpp"
#include "engine/kernels/simd/single_dense-inl.hpp"
#include "engine/kernels/simd/single_elementwise-inl.hpp"
#include "engine/kernels/simd/single_pool-inl.hpp"

namespace hone::simd {

template <class Arch>
KernelTable<float> make_single_table(const char* name) {
  KernelTable<float> table = ref::reference_table<float, 1>();
  table.name = name;
  table.conv_prepare = SingleConv<Arch>::prepare;
  table.conv_pack = SingleConv<Arch>::pack;
  table.conv_forward = SingleConv<Arch>::forward;
  table.dense_forward = SingleDense<Arch>::forward;
  table.max_pool_forward = SinglePool<Arch>::max_forward;
  table.avg_pool_forward = SinglePool<Arch>::avg_forward;
  table.activation_forward = SingleElementwise<Arch>::activation_forward;
  table.add = SingleElementwise<Arch>::add;
  table.batch_norm_apply = SingleElementwise<Arch>::batch_norm_apply;
  table.load_bytes = SingleElementwise<Arch>::load_bytes;
  return table;
}

}  // namespace hone::simd
