#include <algorithm>
#include <array>

#include "tests/fuzzing/target.hpp"

namespace hone::fuzzing {

void run_config(Bytes), run_set(Bytes), run_safetensors(Bytes), run_idx(Bytes), run_idx_gz(Bytes), run_cifar(Bytes),
    run_image(Bytes);

namespace {

constexpr std::array<Target, 7> kTargets = {{
    {"config", run_config},
    {"set", run_set},
    {"safetensors", run_safetensors},
    {"idx", run_idx},
    {"idx_gz", run_idx_gz},
    {"cifar", run_cifar},
    {"image", run_image},
}};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  const auto found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& target) { return target.name == name; });
  return found == kTargets.end() ? nullptr : &*found;
}

}  // namespace hone::fuzzing
