// The shapes that are timed, by name: bench/shapes/*.txt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/shapes.hpp"

namespace hone::bench {

template <class Shape>
struct Named {
  std::string name;
  std::int64_t images = 0;
  Shape shape;
};

// One shape a line, `name` and integers; # begins a comment. Throw Error(data) at the line that is wrong, Error(io)
// where there is no such file.
std::vector<Named<ConvShape>> read_conv_shapes(const std::string& path);
std::vector<Named<DenseShape>> read_dense_shapes(const std::string& path);
std::vector<Named<PoolShape>> read_pool_shapes(const std::string& path);

}  // namespace hone::bench
