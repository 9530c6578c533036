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
// where there is no such file. Convolutions come from the file that HONE_BENCH_SHAPES names, where it does.
std::vector<Named<ConvShape>> conv_shapes();
std::vector<Named<DenseShape>> dense_shapes();
std::vector<Named<PoolShape>> pool_shapes();

}  // namespace hone::bench
