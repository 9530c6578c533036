#include "engine/data/normalize.hpp"

#include <cmath>

#include "engine/base/error.hpp"
#include "engine/data/pace.hpp"

namespace hone {

std::vector<ChannelStatistics> channel_statistics(const Split& split, const Shape& shape,
                                                  const std::function<void()>& progress) {
  const auto channels = static_cast<std::size_t>(shape.c), plane = static_cast<std::size_t>(shape.h * shape.w);
  std::vector<std::uint64_t> sum(channels), squares(channels);
  const std::uint8_t* pixels = split.pixels.data();
  Pace pace(progress);
  for (std::int64_t image = 0; image < split.count; ++image)
    for (std::size_t c = 0; c < channels; ++c, pixels += plane, pace.done(plane)) {
      std::uint64_t plane_sum = 0, plane_squares = 0;
      for (std::size_t i = 0; i < plane; ++i) {
        const std::uint32_t value = pixels[i];
        plane_sum += value;
        plane_squares += value * value;
      }
      sum[c] += plane_sum;
      squares[c] += plane_squares;
    }
  std::vector<ChannelStatistics> result(channels);
  const double n = static_cast<double>(split.count) * static_cast<double>(plane);
  if (n == 0) return result;
  for (std::size_t c = 0; c < channels; ++c) {
    result[c].mean = static_cast<double>(sum[c]) / n;
    const double variance = static_cast<double>(squares[c]) / n - result[c].mean * result[c].mean;
    // Rounding leaves up to 1e-11 where all bytes are equal; one differing byte of kMaxSplitBytes is more.
    result[c].deviation = variance > 3e-11 ? std::sqrt(variance) : 0;
  }
  return result;
}

Normalization normalization(std::string_view name, const Split& train, const Shape& shape,
                            const std::function<void()>& progress) {
  const auto channels = static_cast<std::size_t>(shape.c);
  Normalization result{std::vector<float>(channels, 0.0f), std::vector<float>(channels, 1.0f)};
  if (name == "none") return result;
  result.scale.assign(channels, 1.0f / 255.0f);
  if (name == "unit") return result;
  if (name != "standard") throw Error(ErrorKind::internal, "no normalization '" + std::string(name) + "'");
  const std::vector<ChannelStatistics> statistics = channel_statistics(train, shape, progress);
  for (std::size_t c = 0; c < channels; ++c) {
    result.mean[c] = static_cast<float>(statistics[c].mean);
    if (statistics[c].deviation > 0) result.scale[c] = static_cast<float>(1.0 / statistics[c].deviation);
  }
  return result;
}

}  // namespace hone
