// From bytes to the network's input.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "engine/data/dataset.hpp"

namespace hone {

// Of the bytes of one channel.
struct ChannelStatistics {
  double mean = 0;
  double deviation = 0;  // of the population, not of a sample
};

// Sums are exact integers: the result does not depend on the images' order. `progress`: called now and then; what it
// throws ends the work.
std::vector<ChannelStatistics> channel_statistics(const Split& split, const Shape& shape,
                                                  const std::function<void()>& progress = {});

// input = (byte - mean) * scale, per channel: NetworkOptions::mean and scale.
struct Normalization {
  std::vector<float> mean, scale;
};

inline constexpr std::array<std::string_view, 3> kNormalizeNames = {"none", "unit", "standard"};

// none: 0..255; unit: byte / 255; standard: mean 0 and deviation 1 over the images of `train` (a channel that is the
// same everywhere is only shifted and divided by 255).
Normalization normalization(std::string_view name, const Split& train, const Shape& shape,
                            const std::function<void()>& progress = {});

}  // namespace hone
