// Options that several layers share.
#pragma once

#include <array>
#include <string_view>

#include "engine/base/component.hpp"

namespace hone {

inline constexpr double kMaxSize = 8192;  // of a kernel, a stride, a padding, an image's side
inline constexpr double kMaxChannels = 1 << 20;

inline constexpr std::array<std::string_view, 10> kActivationNames = {
    "none", "relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"};

inline constexpr OptionSpec kActivationOption{
    "activation", OptionKind::choice, "none", "applied to the output", 0, 0, kActivationNames};

inline constexpr std::array<std::string_view, 2> kPaddingNames = {"valid", "same"};

}  // namespace hone
