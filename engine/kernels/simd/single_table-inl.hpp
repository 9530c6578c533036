// The kernels of one ISA for a few images: lanes = 1, so that nothing is spent on images that are not there. The loss
// is the reference's.
#pragma once

#include "engine/kernels/ref/reference_table.hpp"
#include "engine/kernels/simd/single_batch_norm-inl.hpp"
#include "engine/kernels/simd/single_conv-inl.hpp"
#include "engine/kernels/simd/single_dense-inl.hpp"
#include "engine/kernels/simd/single_elementwise-inl.hpp"
#include "engine/kernels/simd/single_pool-inl.hpp"
#include "engine/kernels/simd/update-inl.hpp"

namespace hone::simd {

template <class Arch>
KernelTable<float> make_single_table(const char* name) {
  KernelTable<float> table = ref::reference_table<float, 1>();
  table.name = name;
  table.conv_prepare = SingleConv<Arch>::prepare;
  table.conv_pack = SingleConv<Arch>::pack;
  table.conv_forward = SingleConv<Arch>::forward;
  table.conv_backward_data = SingleConv<Arch>::backward_data;
  table.conv_backward_weights = SingleConvWeights<Arch>::run;
  table.conv_pool_prepare = [](ConvPoolPlan&) { return false; };
  table.dense_forward = SingleDense<Arch>::forward;
  table.dense_backward_data = SingleDense<Arch>::backward_data;
  table.dense_transpose = SingleDense<Arch>::transpose;
  table.dense_backward_weights = SingleDense<Arch>::backward_weights;
  table.max_pool_forward = SinglePool<Arch>::max_forward;
  table.max_pool_backward = SinglePool<Arch>::max_backward;
  table.avg_pool_forward = SinglePool<Arch>::avg_forward;
  table.avg_pool_backward = SinglePool<Arch>::avg_backward;
  table.activation_forward = SingleElementwise<Arch>::activation_forward;
  table.activation_backward = SingleElementwise<Arch>::activation_backward;
  table.add = SingleElementwise<Arch>::add;
  table.dropout = SingleElementwise<Arch>::dropout;
  table.batch_norm_moments = SingleBatchNorm<Arch>::moments;
  table.batch_norm_apply = SingleBatchNorm<Arch>::apply;
  table.batch_norm_backward_sums = SingleBatchNorm<Arch>::backward_sums;
  table.batch_norm_backward_apply = SingleBatchNorm<Arch>::backward_apply;
  table.load_bytes = SingleElementwise<Arch>::load_bytes;
  table.sum_partials = Update<Arch>::sum_partials;
  table.sgd = Update<Arch>::sgd;
  table.adam = Update<Arch>::adam;
  return table;
}

}  // namespace hone::simd
