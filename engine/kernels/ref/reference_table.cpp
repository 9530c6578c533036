#include "engine/kernels/ref/reference_table.hpp"

#include "engine/kernels/ref/batch_norm.hpp"
#include "engine/kernels/ref/conv.hpp"
#include "engine/kernels/ref/conv_pool.hpp"
#include "engine/kernels/ref/dense.hpp"
#include "engine/kernels/ref/elementwise.hpp"
#include "engine/kernels/ref/loss.hpp"
#include "engine/kernels/ref/pool.hpp"
#include "engine/kernels/ref/update.hpp"

namespace hone::ref {

template <class T, std::int64_t L>
KernelTable<T> reference_table() {
  return {
      .name = "reference",
      .lanes = L,
      .conv_prepare = Conv<T, L>::prepare,
      .conv_pack = Conv<T, L>::pack,
      .conv_forward = Conv<T, L>::forward,
      .conv_backward_data = Conv<T, L>::backward_data,
      .conv_backward_weights = Conv<T, L>::backward_weights,
      .conv_pool_prepare = ConvPool<T, L>::prepare,
      .conv_pool_pack = ConvPool<T, L>::pack,
      .conv_pool_backward = ConvPool<T, L>::backward,
      .dense_forward = Dense<T, L>::forward,
      .dense_backward_data = Dense<T, L>::backward_data,
      .dense_transpose = Dense<T, L>::transpose,
      .dense_backward_weights = Dense<T, L>::backward_weights,
      .max_pool_forward = Pool<T, L>::max_forward,
      .max_pool_backward = Pool<T, L>::max_backward,
      .avg_pool_forward = Pool<T, L>::avg_forward,
      .avg_pool_backward = Pool<T, L>::avg_backward,
      .activation_forward = Elementwise<T, L>::activation_forward,
      .activation_backward = Elementwise<T, L>::activation_backward,
      .add = Elementwise<T, L>::add,
      .dropout = Elementwise<T, L>::dropout,
      .batch_norm_moments = BatchNorm<T, L>::moments,
      .batch_norm_apply = BatchNorm<T, L>::apply,
      .batch_norm_backward_sums = BatchNorm<T, L>::backward_sums,
      .batch_norm_backward_apply = BatchNorm<T, L>::backward_apply,
      .softmax_cross_entropy = Loss<T, L>::softmax_cross_entropy,
      .load_bytes = Loss<T, L>::load_bytes,
      .sum_partials = Update<T>::sum_partials,
      .sum_of_squares = Update<T>::sum_of_squares,
      .sgd = Update<T>::sgd,
      .adam = Update<T>::adam,
  };
}

template KernelTable<double> reference_table<double, 1>();
template KernelTable<float> reference_table<float, 1>();
template KernelTable<float> reference_table<float, 4>();
template KernelTable<float> reference_table<float, 8>();
template KernelTable<float> reference_table<float, 16>();

}  // namespace hone::ref
