// Training accuracy is low: the net is too narrow for what it has to tell apart.
#include <fmt/format.h>

#include <algorithm>

#include "trainer/run/progress.hpp"
#include "trainer/tweak/edit.hpp"
#include "trainer/tweak/tweak.hpp"

namespace hone {

namespace {

constexpr std::int64_t kNarrow = 32;

// Doubles an option of every hidden layer of that type; the widths before and after.
std::string double_all(ModelSpec& model, std::string_view type, const char* option, std::int64_t& narrowest) {
  std::string before, after;
  for (Component* layer : hidden_layers(model, type)) {
    const std::int64_t width = layer->integer(option);
    narrowest = std::min(narrowest, width);
    layer->options[option] = 2 * width;
    before += (before.empty() ? "" : ", ") + std::to_string(width);
    after += (after.empty() ? "" : ", ") + std::to_string(2 * width);
  }
  return before.empty() ? "" : fmt::format("{} {} -> {}", option, before, after);
}

std::vector<Candidate> propose(const Diagnosis& d) {
  if (d.diverged) return {};
  std::int64_t narrowest = 1 << 20;
  const auto weight = [&] {
    if (!d.underfits()) return 0.15;
    return narrowest < kNarrow ? 0.6 : 0.4;
  };
  const std::string reason =
      d.underfits()
          ? fmt::format("training accuracy {} is below the target {}", percent(d.train_accuracy), percent(d.target))
          : fmt::format("accuracy {} is below the target {}", percent(d.accuracy), percent(d.target));
  std::vector<Candidate> candidates;
  if (d.allows("width")) {
    Candidate filters{d.base.config, 0, {}, reason};
    filters.change = double_all(filters.config.model, "conv", "filters", narrowest);
    filters.weight = weight();
    if (!filters.change.empty()) candidates.push_back(std::move(filters));
  }
  if (d.allows("dense")) {
    Candidate units{d.base.config, 0, {}, reason};
    units.change = double_all(units.config.model, "dense", "units", narrowest);
    units.weight = 0.9 * weight();  // filters first: what they find is what dense layers have to work with
    if (!units.change.empty()) candidates.push_back(std::move(units));
  }
  return candidates;
}

}  // namespace

extern const Rule kWider;
const Rule kWider = {"wider", propose};

}  // namespace hone
