#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr OptionSpec kOptions[] = {
    {"times", OptionKind::integer, "", "copies, each with weights of its own", 1, 256},
};

std::string copy_prefix(const std::string& path, std::int64_t copy) { return path + "." + std::to_string(copy) + "."; }

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  for (std::int64_t copy = 0; copy < spec.integer("times"); ++copy)
    in = context.infer(spec.layers, in, copy_prefix(path, copy));
  return in;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component& spec, Value<T>* in, const std::string& path) {
  for (std::int64_t copy = 0; copy < spec.integer("times"); ++copy)
    in = context.plan(spec.layers, in, copy_prefix(path, copy));
  return in;
}

}  // namespace

extern const LayerType kRepeat{
    {"repeat", "layers one after another, several times", kOptions, true}, infer, plan<float>, plan<double>};

}  // namespace hone
