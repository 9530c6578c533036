// Seeded, stratified samples: every class keeps its share. Integer arithmetic and counter-based draws only, so that a
// seed gives the same images on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/data/dataset.hpp"

namespace hone {

// Ascending positions of `count` of the images (all, where there are not more). A class with s of n images gets
// floor(count * s / n) of them; what is left goes one each to the largest remainders, lower labels first on a tie.
// `use` names what the sample is for: samples for different uses are independent.
std::vector<std::uint32_t> stratified_sample(std::span<const std::int32_t> labels, std::int64_t count,
                                             std::uint64_t seed, std::string_view use);

// `progress`, here and below: called now and then; what it throws ends the work, and the images are lost.

// Images at `positions` (ascending) of `split`.
Split take(const Split& split, std::span<const std::uint32_t> positions, const std::function<void()>& progress = {});
// Keeps only those. Where that is most of them, the memory stays as it is.
void keep(Split& split, std::span<const std::uint32_t> positions, const std::function<void()>& progress = {});

// data.limit: keeps a sample of at most `count` images.
void limit_split(Split& split, std::int64_t count, std::uint64_t seed, std::string_view use,
                 const std::function<void()>& progress = {});

// data.validation: moves round(share * count) of the training images to dataset.validation. At least one image stays in
// train; a share > 0 moves at least one where there are two.
void split_validation(Dataset& dataset, double share, std::uint64_t seed, const std::function<void()>& progress = {});

}  // namespace hone
