// Wide enough and still not good enough: another convolution; for a net without any, another dense layer.
#include <fmt/format.h>

#include <algorithm>

#include "trainer/run/progress.hpp"
#include "trainer/tweak/edit.hpp"
#include "trainer/tweak/tweak.hpp"

namespace hone {

namespace {

constexpr std::int64_t kWide = 16;

Candidate insert(const Diagnosis& d, std::size_t at, const Component& layer, double weight) {
  Candidate candidate{d.base.config, weight, {}, {}};
  auto& layers = candidate.config.model.layers;
  layers.insert(layers.begin() + static_cast<std::ptrdiff_t>(at), layer);
  candidate.change =
      layer.type == "conv"
          ? fmt::format("another 3x3 convolution with {} filters as layer {}", layer.integer("filters"), at)
          : fmt::format("another dense layer with {} units as layer {}", layer.integer("units"), at);
  candidate.reason = fmt::format("accuracy {} is below the target {} and the net has only {} {}", percent(d.accuracy),
                                 percent(d.target), layers.size() - 1, layers.size() == 2 ? "layer" : "layers");
  return candidate;
}

std::vector<Candidate> propose(const Diagnosis& d) {
  if (!d.allows("depth") || d.diverged) return {};
  ModelSpec model = d.base.config.model;  // looked at only
  const std::vector<Component*> convs = hidden_layers(model, "conv");
  const std::size_t head = head_of(model);
  std::vector<Candidate> candidates;
  if (!convs.empty()) {
    const bool wide = convs.back()->integer("filters") >= kWide;
    const double weight = d.underfits() ? (wide ? 0.5 : 0.3) : 0.35;
    const Component layer = another(*convs.back());
    // Behind the last one, where the picture is still large; or right before the dense layers, where it costs least.
    for (std::size_t i = head; i-- > 0;)
      if (model.layers[i].type == "conv" && i + 1 < head) {
        candidates.push_back(insert(d, i + 1, layer, weight));
        break;
      }
    candidates.push_back(insert(d, head, layer, 0.9 * weight));
  }
  if (!d.allows("dense") && !convs.empty()) return candidates;
  const std::vector<Component*> dense = hidden_layers(model, "dense");
  if (!model.layers.empty() && model.layers.back().type == "dense") {
    Component layer = another(dense.empty() ? model.layers.back() : *dense.back());
    if (dense.empty()) layer.options["units"] = std::max<std::int64_t>(64, 4 * d.classes);
    candidates.push_back(insert(d, model.layers.size() - 1, layer, convs.empty() ? 0.5 : 0.25));
  }
  return candidates;
}

}  // namespace

extern const Rule kAnotherLayer;
const Rule kAnotherLayer = {"another layer", propose};

}  // namespace hone
