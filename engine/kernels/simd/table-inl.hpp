// The kernels of one ISA: reference ones, overwritten by the vectorised.
#pragma once

#include "engine/kernels/ref/reference_table.hpp"
#include "engine/kernels/simd/batch_norm-inl.hpp"
#include "engine/kernels/simd/conv-inl.hpp"
#include "engine/kernels/simd/conv_planning-inl.hpp"
#include "engine/kernels/simd/conv_pool-inl.hpp"
#include "engine/kernels/simd/conv_weights-inl.hpp"
#include "engine/kernels/simd/dense-inl.hpp"
#include "engine/kernels/simd/elementwise-inl.hpp"
#include "engine/kernels/simd/loss-inl.hpp"
#include "engine/kernels/simd/pool-inl.hpp"
#include "engine/kernels/simd/update-inl.hpp"

namespace hone::simd {

template <class Arch>
KernelTable<float> make_table(const char* name) {
  KernelTable<float> table = ref::reference_table<float, kLanes<Arch>>();
  table.name = name;
  table.conv_prepare = ConvPlanning<Arch>::prepare;
  table.conv_pack = ConvPlanning<Arch>::pack;
  table.conv_forward = Conv<Arch>::forward;
  table.conv_backward_data = Conv<Arch>::backward_data;
  table.conv_backward_weights = ConvWeights<Arch>::run;
  table.conv_pool_prepare = ConvPool<Arch>::prepare;
  table.conv_pool_pack = ConvPool<Arch>::pack;
  table.conv_pool_backward = ConvPool<Arch>::backward;
  table.dense_forward = Dense<Arch>::forward;
  table.dense_backward_data = Dense<Arch>::backward_data;
  table.dense_transpose = Dense<Arch>::transpose;
  table.dense_backward_weights = Dense<Arch>::backward_weights;
  table.max_pool_forward = Pool<Arch>::max_forward;
  table.max_pool_backward = Pool<Arch>::max_backward;
  table.avg_pool_forward = Pool<Arch>::avg_forward;
  table.avg_pool_backward = Pool<Arch>::avg_backward;
  table.activation_forward = Elementwise<Arch>::activation_forward;
  table.activation_backward = Elementwise<Arch>::activation_backward;
  table.add = Elementwise<Arch>::add;
  table.dropout = Elementwise<Arch>::dropout;
  table.batch_norm_moments = BatchNorm<Arch>::moments;
  table.batch_norm_apply = BatchNorm<Arch>::apply;
  table.batch_norm_backward_sums = BatchNorm<Arch>::backward_sums;
  table.batch_norm_backward_apply = BatchNorm<Arch>::backward_apply;
  table.softmax_cross_entropy = Loss<Arch>::softmax_cross_entropy;
  table.load_bytes = Loss<Arch>::load_bytes;
  table.sum_partials = Update<Arch>::sum_partials;
  table.sgd = Update<Arch>::sgd;
  table.adam = Update<Arch>::adam;
  return table;
}

}  // namespace hone::simd
