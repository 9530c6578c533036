#include "bench/peers/dnnl_layers.hpp"

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace hone::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
constexpr auto kTraining = dnnl::prop_kind::forward_training;
constexpr auto kFloat = memory::data_type::f32;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  static dnnl::stream commands(engine());
  return commands;
}

// One primitive with everything it reads and writes.
struct Layer {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;

  void run() const {
    primitive.execute(stream(), arguments);
    stream().wait();
  }
};

// Adds what `make` makes, or nothing where the library has no such implementation.
template <class Make>
void add(std::vector<PeerLayer>& layers, const char* name, const Make& make) {
  try {
    layers.push_back({name, [layer = make()] { layer.run(); }});
  } catch (const dnnl::error&) {
    return;
  }
}

// Random values in [-1, 1), brought into the wanted layout.
memory filled(const memory::desc& wanted) {
  constexpr Tag kPlain[] = {Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde};
  const memory::dims dims = wanted.dims();
  memory source({dims, memory::data_type::f32, kPlain[dims.size() - 1]}, engine()), target(wanted, engine());
  fill_random(static_cast<float*>(source.get_data_handle()),
              static_cast<std::int64_t>(source.get_desc().get_size() / sizeof(float)), 1);
  dnnl::reorder(source, target).execute(stream(), source, target);
  stream().wait();
  return target;
}

memory empty(const memory::desc& wanted) { return {wanted, engine()}; }

Layer conv_layer(const ConvShape& p, std::int64_t images, Pass pass, Tag layout, dnnl::algorithm algorithm) {
  const memory::desc src({images, p.c, p.h, p.w}, kFloat, layout), dst({images, p.k, p.out_h, p.out_w}, kFloat, layout);
  const memory::desc bias({p.k}, kFloat, Tag::a);
  const memory::dims filter =
      p.groups == 1 ? memory::dims{p.k, p.c, p.r, p.s} : memory::dims{p.groups, p.group_k(), p.group_c(), p.r, p.s};
  const memory::desc weights(filter, kFloat, Tag::any);
  const memory::dims strides{p.stride_h, p.stride_w}, padding{p.pad_h, p.pad_w};
  const dnnl::convolution_forward::primitive_desc forward(
      {kTraining, algorithm, src, weights, bias, dst, strides, padding, padding}, engine());
  switch (pass) {
    case Pass::forward:
      return {dnnl::convolution_forward(forward),
              {{DNNL_ARG_SRC, filled(forward.src_desc())},
               {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
               {DNNL_ARG_BIAS, filled(forward.bias_desc())},
               {DNNL_ARG_DST, empty(forward.dst_desc())}}};
    case Pass::backward_data: {
      const dnnl::convolution_backward_data::primitive_desc backward(
          {algorithm, src, weights, dst, strides, padding, padding}, engine(), forward);
      return {dnnl::convolution_backward_data(backward),
              {{DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())},
               {DNNL_ARG_WEIGHTS, filled(backward.weights_desc())},
               {DNNL_ARG_DIFF_SRC, empty(backward.diff_src_desc())}}};
    }
    case Pass::backward_weights:
      break;
  }
  const dnnl::convolution_backward_weights::primitive_desc backward(
      {algorithm, src, weights, bias, dst, strides, padding, padding}, engine(), forward);
  return {dnnl::convolution_backward_weights(backward),
          {{DNNL_ARG_SRC, filled(backward.src_desc())},
           {DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())},
           {DNNL_ARG_DIFF_WEIGHTS, empty(backward.diff_weights_desc())},
           {DNNL_ARG_DIFF_BIAS, empty(backward.diff_bias_desc())}}};
}

Layer dense_layer(const DenseShape& p, std::int64_t images, Pass pass) {
  const memory::desc src({images, p.in}, kFloat, Tag::ab), dst({images, p.out}, kFloat, Tag::ab);
  const memory::desc bias({p.out}, kFloat, Tag::a), weights({p.out, p.in}, kFloat, Tag::any);
  const dnnl::inner_product_forward::primitive_desc forward({kTraining, src, weights, bias, dst}, engine());
  switch (pass) {
    case Pass::forward:
      return {dnnl::inner_product_forward(forward),
              {{DNNL_ARG_SRC, filled(src)},
               {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
               {DNNL_ARG_BIAS, filled(bias)},
               {DNNL_ARG_DST, empty(dst)}}};
    case Pass::backward_data: {
      const dnnl::inner_product_backward_data::primitive_desc backward({src, weights, dst}, engine(), forward);
      return {dnnl::inner_product_backward_data(backward),
              {{DNNL_ARG_DIFF_DST, filled(dst)},
               {DNNL_ARG_WEIGHTS, filled(backward.weights_desc())},
               {DNNL_ARG_DIFF_SRC, empty(src)}}};
    }
    case Pass::backward_weights:
      break;
  }
  const dnnl::inner_product_backward_weights::primitive_desc backward({src, weights, bias, dst}, engine(), forward);
  return {dnnl::inner_product_backward_weights(backward),
          {{DNNL_ARG_SRC, filled(src)},
           {DNNL_ARG_DIFF_DST, filled(dst)},
           {DNNL_ARG_DIFF_WEIGHTS, empty(backward.diff_weights_desc())},
           {DNNL_ARG_DIFF_BIAS, empty(bias)}}};
}

Layer pool_layer(const PoolShape& p, std::int64_t images, Pass pass, Tag layout) {
  const memory::desc src({images, p.c, p.h, p.w}, kFloat, layout), dst({images, p.c, p.out_h, p.out_w}, kFloat, layout);
  const memory::dims strides{p.stride_h, p.stride_w}, kernel{p.size_h, p.size_w}, padding{p.pad_h, p.pad_w};
  const auto algorithm = dnnl::algorithm::pooling_max;
  const dnnl::pooling_forward::primitive_desc forward(
      {kTraining, algorithm, src, dst, strides, kernel, padding, padding}, engine());
  const memory workspace = empty(forward.workspace_desc());
  const Layer layer{dnnl::pooling_forward(forward),
                    {{DNNL_ARG_SRC, filled(src)}, {DNNL_ARG_DST, empty(dst)}, {DNNL_ARG_WORKSPACE, workspace}}};
  if (pass == Pass::forward) return layer;
  layer.run();  // backward reads the places of the maxima
  const dnnl::pooling_backward::primitive_desc backward({algorithm, src, dst, strides, kernel, padding, padding},
                                                        engine(), forward);
  return {dnnl::pooling_backward(backward),
          {{DNNL_ARG_DIFF_DST, filled(dst)}, {DNNL_ARG_DIFF_SRC, empty(src)}, {DNNL_ARG_WORKSPACE, workspace}}};
}

}  // namespace

std::vector<PeerLayer> dnnl_layers(const ConvShape& shape, std::int64_t images, Pass pass) {
  std::vector<PeerLayer> layers;
  const auto with = [&](const char* name, Tag layout, dnnl::algorithm algorithm) {
    add(layers, name, [&] { return conv_layer(shape, images, pass, layout, algorithm); });
  };
  with("dnnl-blocked", Tag::any, dnnl::algorithm::convolution_direct);
  with("dnnl-nhwc", Tag::nhwc, dnnl::algorithm::convolution_direct);
  if (shape.r == 3 && shape.s == 3 && shape.stride_h == 1 && shape.groups == 1)
    with("dnnl-winograd", Tag::any, dnnl::algorithm::convolution_winograd);
  return layers;
}

std::vector<PeerLayer> dnnl_layers(const DenseShape& shape, std::int64_t images, Pass pass) {
  std::vector<PeerLayer> layers;
  add(layers, "dnnl-plain", [&] { return dense_layer(shape, images, pass); });
  return layers;
}

std::vector<PeerLayer> dnnl_layers(const PoolShape& shape, std::int64_t images, Pass pass) {
  std::vector<PeerLayer> layers;
  const Tag blocked = shape.c % 16 == 0 ? Tag::nChw16c : Tag::nchw;
  add(layers, "dnnl-blocked", [&] { return pool_layer(shape, images, pass, blocked); });
  add(layers, "dnnl-nhwc", [&] { return pool_layer(shape, images, pass, Tag::nhwc); });
  return layers;
}

std::string dnnl_version_text() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

}  // namespace hone::bench
