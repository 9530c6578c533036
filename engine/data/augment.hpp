// Changes to training images, drawn anew for every image and epoch: data.augment of a config.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/component.hpp"
#include "engine/base/shape.hpp"
#include "engine/graph/network.hpp"

namespace hone {

inline constexpr std::size_t kMaxAugmentations = 16;  // in one config

// Every augmentation that a config can name.
std::span<const ComponentType* const> augment_types();

// They are applied in the order of the list. What is drawn depends on (seed, epoch, image id, place in the list) alone:
// not on threads, order of calls, or what else was drawn. Pixels that come from outside of the image are 0. An image is
// sampled once, however many augmentations move it. nullptr for an empty list. Throws Error(config) at the component's
// place where one does not suit the shape.
std::unique_ptr<Augmenter> make_augmenter(std::span<const Component> list, std::uint64_t seed, const Shape& shape);

}  // namespace hone
