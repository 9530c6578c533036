#include "engine/data/formats/resize.hpp"

#include <algorithm>
#include <cstddef>

namespace hone {
namespace {

// The source places that one target place averages: first, first + 1 ..., with weights that sum to 1.
struct Taps {
  std::size_t first = 0;
  std::vector<double> weights;
};

std::vector<Taps> taps_of_axis(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);
  std::vector<Taps> axis(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    Taps& taps = axis[static_cast<std::size_t>(i)];
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = static_cast<std::int64_t>(std::max(centre - reach, 0.0));
    const std::int64_t end = std::min(from, static_cast<std::int64_t>(centre + reach) + 1);
    double sum = 0;
    for (std::int64_t j = begin; j < end; ++j) {
      const double distance = static_cast<double>(j) + 0.5 - centre;
      const double weight = std::max(0.0, 1 - (distance < 0 ? -distance : distance) / reach);
      taps.weights.push_back(weight);
      sum += weight;
    }
    taps.first = static_cast<std::size_t>(begin);
    for (double& weight : taps.weights) weight /= sum;
  }
  return axis;
}

}  // namespace

std::vector<std::uint8_t> resize(std::span<const std::uint8_t> pixels, const Shape& from, const Shape& to) {
  const auto channels = static_cast<std::size_t>(from.c), width = static_cast<std::size_t>(from.w);
  const std::vector<Taps> rows = taps_of_axis(from.h, to.h), columns = taps_of_axis(from.w, to.w);
  std::vector<double> sums(width * channels);  // one target row, before it is scaled along it
  std::vector<std::uint8_t> result;
  result.reserve(static_cast<std::size_t>(to.h * to.w) * channels);
  for (const Taps& row : rows) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::size_t k = 0; k < row.weights.size(); ++k) {
      const std::uint8_t* source = pixels.data() + (row.first + k) * width * channels;
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += row.weights[k] * source[i];
    }
    for (const Taps& column : columns)
      for (std::size_t c = 0; c < channels; ++c) {
        double value = 0.5;  // rounds to the nearest
        for (std::size_t k = 0; k < column.weights.size(); ++k)
          value += column.weights[k] * sums[(column.first + k) * channels + c];
        result.push_back(static_cast<std::uint8_t>(std::min(value, 255.0)));
      }
  }
  return result;
}

}  // namespace hone
