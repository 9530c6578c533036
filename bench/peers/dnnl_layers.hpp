// One pass of one layer computed by oneDNN, in the layouts it offers. Reorders are not part of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/layer_case.hpp"

namespace hone::bench {

struct PeerLayer {
  std::string name;
  std::function<void()> run;
};

// What oneDNN has for it. dnnl-blocked: the layout it chooses itself. dnnl-nhwc: channels innermost. dnnl-winograd: as
// blocked, Winograd asked for by name. dnnl-plain: dense layers.
std::vector<PeerLayer> dnnl_layers(const ConvShape& shape, std::int64_t images, Pass pass);
std::vector<PeerLayer> dnnl_layers(const DenseShape& shape, std::int64_t images, Pass pass);
std::vector<PeerLayer> dnnl_layers(const PoolShape& shape, std::int64_t images, Pass pass);

std::string dnnl_version_text();

}  // namespace hone::bench
