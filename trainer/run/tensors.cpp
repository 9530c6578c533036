#include "trainer/run/tensors.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool is_optimizer_state(std::string_view name) { return name.starts_with(kOptimizerPrefix); }

using ByName = std::map<std::string_view, const CheckpointTensor*>;

// What keeps the file's tensors from being the network's, in words.
std::vector<std::string> differences_between(const ByName& held, std::span<const TensorInfo> wanted,
                                             const std::string& prefix) {
  std::vector<std::string> found;
  std::size_t known = 0;
  for (const TensorInfo& info : wanted) {
    const auto tensor = held.find(prefix + info.name);
    if (tensor == held.end()) {
      found.push_back(prefix + info.name + " is missing");
      continue;
    }
    ++known;
    if (tensor->second->shape != info.shape)
      found.push_back(prefix + info.name + " is " + shape_text(tensor->second->shape) + " instead of " +
                      shape_text(info.shape));
  }
  if (known == held.size()) return found;
  for (const auto& entry : held)
    if (std::none_of(wanted.begin(), wanted.end(),
                     [&](const TensorInfo& info) { return prefix + info.name == entry.first; }))
      found.push_back(std::string(entry.first) + " is not in the model");
  return found;
}

template <class Values>
void restore(const Checkpoint& checkpoint, const std::string& file, std::span<const TensorInfo> wanted,
             const std::string& prefix, Values values) {
  ByName held;
  for (const CheckpointTensor& tensor : checkpoint.tensors)
    if (is_optimizer_state(tensor.name) == !prefix.empty()) held[tensor.name] = &tensor;
  const std::vector<std::string> problems = differences_between(held, wanted, prefix);
  if (!problems.empty()) {
    constexpr std::size_t kShown = 8;
    std::string text = "does not fit the model: ";
    for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) text += (i > 0 ? ", " : "") + problems[i];
    if (problems.size() > kShown) text += " and " + std::to_string(problems.size() - kShown) + " more";
    throw Error(ErrorKind::checkpoint, Location{file}, text + "; expected the same names and shapes");
  }
  for (const TensorInfo& info : wanted) {
    const CheckpointTensor& tensor = *held.at(prefix + info.name);
    std::copy(tensor.data.begin(), tensor.data.end(), values(info).begin());
  }
}

std::vector<float> copy_of(std::span<const float> values) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::vector<float> copy;
  copy.reserve(values.size());
  for (; !values.empty(); values = values.subspan(std::min(kPiece, values.size()))) {
    throw_if_out_of_time();
    const std::span<const float> piece = values.first(std::min(kPiece, values.size()));
    copy.insert(copy.end(), piece.begin(), piece.end());
  }
  return copy;
}

}  // namespace

void append_weights(const Network<float>& network, Checkpoint& checkpoint) {
  for (const TensorInfo& info : network.tensors())
    checkpoint.tensors.push_back({info.name, info.shape, copy_of(network.values(info))});
}

void append_optimizer(const Network<float>& network, Checkpoint& checkpoint) {
  for (const TensorInfo& info : network.optimizer_tensors())
    checkpoint.tensors.push_back({kOptimizerPrefix + info.name, info.shape, copy_of(network.optimizer_values(info))});
}

void restore_weights(const Checkpoint& checkpoint, const std::string& file, Network<float>& network) {
  restore(checkpoint, file, network.tensors(), "", [&](const TensorInfo& info) { return network.values(info); });
}

void restore_optimizer(const Checkpoint& checkpoint, const std::string& file, Network<float>& network) {
  restore(checkpoint, file, network.optimizer_tensors(), kOptimizerPrefix,
          [&](const TensorInfo& info) { return network.optimizer_values(info); });
}

}  // namespace hone
