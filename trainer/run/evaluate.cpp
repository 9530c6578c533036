#include "trainer/run/evaluate.hpp"

#include <algorithm>
#include <cmath>

#include "engine/base/parallel.hpp"
#include "engine/data/batcher.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {
namespace {

// Place of the right class among the logits, from 0: how many are higher, or as high with a lower label. What is not a
// number is last.
std::int64_t rank_of(const float* logits, std::int64_t classes, std::int32_t label) {
  const float right = logits[label];
  if (std::isnan(right)) return classes - 1;
  std::int64_t rank = 0;
  for (std::int64_t k = 0; k < classes; ++k) rank += logits[k] > right || (logits[k] == right && k < label);
  return rank;
}

Score finish(double loss_sum, std::int64_t correct, std::int64_t images) {
  const auto n = static_cast<double>(images);
  return {loss_sum / n, static_cast<double>(correct) / n, correct, images};
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

// Calls visit(batch, result) for the split's batches; sums are in the order of the images.
template <class Visit>
Score over_batches(Network<float>& network, const Split& split, Team& team, float* logits, const OnBatch& on_batch,
                   Visit visit) {
  double loss_sum = 0;
  std::int64_t correct = 0;
  for (std::int64_t first = 0; first < split.count; first += kEvaluationBatch) {
    const Batch batch = slice(split, first, kEvaluationBatch);
    const EvaluationResult result = network.evaluate(batch, logits, team);
    if (result.given_up) throw_if_stopped();
    loss_sum += result.loss_sum;
    correct += result.correct;
    visit(batch);
    if (on_batch) on_batch(first + batch.size);
  }
  return finish(loss_sum, correct, split.count);
}

}  // namespace

std::optional<Score> score(Network<float>& network, const Split& split, Team& team, const OnBatch& on_batch) {
  if (split.count == 0) return std::nullopt;
  return over_batches(network, split, team, nullptr, on_batch, [](const Batch&) {});
}

std::optional<Evaluation> evaluate(Network<float>& network, const Split& split, Team& team, const OnBatch& on_batch) {
  if (split.count == 0) return std::nullopt;
  const std::int64_t classes = network.classes();
  const auto rows = static_cast<std::size_t>(classes);
  Evaluation result;
  result.confusion.assign(rows, std::vector<std::int64_t>(rows, 0));
  std::vector<std::int64_t> ranks(rows, 0);
  std::vector<float> logits(static_cast<std::size_t>(kEvaluationBatch * classes));
  result.score = over_batches(network, split, team, logits.data(), on_batch, [&](const Batch& batch) {
    for (std::int64_t i = 0; i < batch.size; ++i) {
      const float* row = logits.data() + i * classes;
      ++ranks[static_cast<std::size_t>(rank_of(row, classes, batch.labels[i]))];
      const auto answer = static_cast<std::size_t>(std::max_element(row, row + classes) - row);
      ++result.confusion[static_cast<std::size_t>(batch.labels[i])][answer];
    }
  });
  std::int64_t within = 0;
  for (std::size_t k = 0; k < std::min(rows, static_cast<std::size_t>(kTopMost)); ++k) {
    within += ranks[k];
    result.top.push_back(static_cast<double>(within) / static_cast<double>(split.count));
  }
  result.classes = class_scores(result.confusion);
  return result;
}

std::vector<ClassScore> class_scores(const std::vector<std::vector<std::int64_t>>& confusion) {
  std::vector<ClassScore> scores;
  for (std::size_t k = 0; k < confusion.size(); ++k) {
    std::int64_t images = 0, answers = 0;
    for (std::size_t other = 0; other < confusion.size(); ++other) {
      images += confusion[k][other];
      answers += confusion[other][k];
    }
    const std::int64_t right = confusion[k][k];
    scores.push_back({images, ratio(right, answers), ratio(right, images), ratio(2 * right, images + answers)});
  }
  return scores;
}

Interval wilson_interval(double value, std::int64_t images) {
  if (images <= 0 || !std::isfinite(value)) return {0, 1};
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const auto n = static_cast<double>(images);
  const double centre = value + z * z / (2 * n);
  const double half = z * std::sqrt(value * (1 - value) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (centre - half) / scale), std::min(1.0, (centre + half) / scale)};
}

}  // namespace hone
