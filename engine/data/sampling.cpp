#include "engine/data/sampling.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/base/rng.hpp"
#include "engine/data/pace.hpp"

namespace hone {
namespace {

std::vector<std::vector<std::uint32_t>> positions_by_label(std::span<const std::int32_t> labels) {
  std::vector<std::vector<std::uint32_t>> groups;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    if (label >= groups.size()) groups.resize(label + 1);
    groups[label].push_back(static_cast<std::uint32_t>(i));
  }
  return groups;
}

std::size_t image_bytes(const Split& split) {
  return split.count == 0 ? 0 : split.pixels.size() / static_cast<std::size_t>(split.count);
}

}  // namespace

std::vector<std::uint32_t> stratified_sample(std::span<const std::int32_t> labels, std::int64_t count,
                                             std::uint64_t seed, std::string_view use) {
  const std::uint64_t total = labels.size();
  const std::uint64_t wanted = count < 0 ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(count), total);
  std::vector<std::vector<std::uint32_t>> groups = positions_by_label(labels);
  std::vector<std::uint64_t> quota(groups.size()), remainder(groups.size());
  std::uint64_t left = wanted;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::uint64_t share = wanted * groups[g].size();  // below 2^64: both are below 2^32
    quota[g] = share / total;
    remainder[g] = share % total;
    left -= quota[g];
  }
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
  for (std::size_t i = 0; i < left; ++i) ++quota[order[i]];

  const std::uint64_t key = derive_key(seed, use);
  std::vector<std::uint32_t> positions;
  positions.reserve(wanted);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Random random(key, g);
    random.shuffle(std::span<std::uint32_t>(groups[g]));
    positions.insert(positions.end(), groups[g].begin(), groups[g].begin() + static_cast<std::ptrdiff_t>(quota[g]));
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

Split take(const Split& split, std::span<const std::uint32_t> positions, const std::function<void()>& progress) {
  const std::size_t bytes = image_bytes(split);
  Split taken;
  taken.count = static_cast<std::int64_t>(positions.size());
  taken.pixels.reserve(positions.size() * bytes);
  taken.labels.reserve(positions.size());
  taken.ids.reserve(positions.size());
  Pace pace(progress);
  for (const std::uint32_t from : positions) {
    const auto image = split.pixels.begin() + static_cast<std::ptrdiff_t>(from * bytes);
    taken.pixels.insert(taken.pixels.end(), image, image + static_cast<std::ptrdiff_t>(bytes));
    pace.done(bytes);
    taken.labels.push_back(split.labels[from]);
    taken.ids.push_back(split.ids[from]);
  }
  return taken;
}

void keep(Split& split, std::span<const std::uint32_t> positions, const std::function<void()>& progress) {
  if (positions.size() <= split.labels.size() / 2) {
    split = take(split, positions, progress);
    return;
  }
  const std::size_t bytes = image_bytes(split);
  Pace pace(progress);
  std::size_t to = 0;
  for (const std::uint32_t from : positions) {
    if (to != from) std::memcpy(split.pixels.data() + to * bytes, split.pixels.data() + from * bytes, bytes);
    split.labels[to] = split.labels[from];
    split.ids[to] = split.ids[from];
    ++to;
    pace.done(bytes);
  }
  split.count = static_cast<std::int64_t>(to);
  split.pixels.resize(to * bytes);
  split.labels.resize(to);
  split.ids.resize(to);
}

void limit_split(Split& split, std::int64_t count, std::uint64_t seed, std::string_view use,
                 const std::function<void()>& progress) {
  if (count < split.count) keep(split, stratified_sample(split.labels, count, seed, use), progress);
}

void split_validation(Dataset& dataset, double share, std::uint64_t seed, const std::function<void()>& progress) {
  const std::int64_t total = dataset.train.count;
  if (share <= 0 || total < 2) return;
  const auto rounded = static_cast<std::int64_t>(share * static_cast<double>(total) + 0.5);
  const std::int64_t count = std::clamp<std::int64_t>(rounded, 1, total - 1);
  const std::vector<std::uint32_t> chosen = stratified_sample(dataset.train.labels, count, seed, "validation");
  dataset.validation = take(dataset.train, chosen, progress);
  std::vector<std::uint32_t> rest;
  rest.reserve(static_cast<std::size_t>(total - count));
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < static_cast<std::uint64_t>(total); ++i) {
    if (next < chosen.size() && chosen[next] == i)
      ++next;
    else
      rest.push_back(i);
  }
  keep(dataset.train, rest, progress);
}

}  // namespace hone
