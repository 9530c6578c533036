#include "trainer/tweak/edit.hpp"

#include <algorithm>

#include "engine/graph/infer.hpp"

namespace hone {
namespace {

void collect(std::vector<Component>& layers, std::vector<Component*>& found) {
  for (Component& layer : layers) {
    if (layer.type == "conv" || layer.type == "dense") found.push_back(&layer);
    collect(layer.layers, found);
  }
}

}  // namespace

std::vector<Component*> hidden_layers(ModelSpec& model, std::string_view type) {
  std::vector<Component*> all;
  collect(model.layers, all);
  if (!all.empty()) all.pop_back();
  std::erase_if(all, [&](const Component* layer) { return layer->type != type; });
  return all;
}

std::size_t head_of(const ModelSpec& model) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (model.layers[i].type == "dense") return i;
    if (model.layers[i].type == "conv") last = i;
  }
  return last;
}

Component another(const Component& like) {
  Component layer = like;
  if (layer.type == "conv") {
    layer.options["kernel"] = Pair{3, 3};
    layer.options["stride"] = Pair{1, 1};
    layer.options["dilation"] = Pair{1, 1};
    layer.options["padding"] = std::string("same");
    layer.options["groups"] = std::int64_t{1};
  }
  if (layer.choice("activation") == "none") layer.options["activation"] = std::string("relu");
  return layer;
}

Cost cost_of(const ModelSpec& model) {
  const InferContext inferred = infer_model(model);
  Cost cost;
  for (const ParameterSpec& parameter : inferred.parameters())
    if (parameter.info.trainable) cost.parameters += parameter.info.size;
  for (const LayerInfo& layer : inferred.layers()) cost.macs += layer.macs;
  return cost;
}

}  // namespace hone
