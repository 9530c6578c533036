#include "engine/layers/blocks.hpp"

#include <algorithm>

namespace hone {

std::int64_t window_output(std::int64_t in, std::int64_t pad, std::int64_t window, std::int64_t stride) {
  return in + pad < window ? 0 : (in + pad - window) / stride + 1;
}

Panels::Panels(std::int64_t n, std::int64_t tile) : items(n) {
  constexpr std::int64_t kMostPanels = 16;
  const std::int64_t tiles = (n + tile - 1) / tile;
  size = std::max(tile, (tiles + kMostPanels - 1) / kMostPanels * tile);
  count = (n + size - 1) / size;
}

std::int64_t Panels::end(std::int64_t panel) const { return std::min(items, begin(panel) + size); }

}  // namespace hone
