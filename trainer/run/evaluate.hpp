// How well a network does on a split.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/graph/network.hpp"

namespace hone {

class Team;

// Small enough that a signal and the heartbeat do not wait for long, with a large net on a slow machine too.
inline constexpr std::int64_t kEvaluationBatch = 128;

struct Score {
  double loss = 0;      // mean over the images, without label smoothing
  double accuracy = 0;  // share of right answers
  std::int64_t correct = 0;
  std::int64_t images = 0;
};

// Called after every batch with the images done so far; what it throws ends the evaluation.
using OnBatch = std::function<void(std::int64_t done)>;

// Nothing for an empty split. The result does not depend on the team's size.
std::optional<Score> score(Network<float>& network, const Split& split, Team& team, const OnBatch& on_batch);

struct ClassScore {
  std::int64_t images = 0;  // of that class
  // Nothing where it would be 0 / 0.
  std::optional<double> precision, recall, f1;
};

struct Evaluation {
  Score score;
  std::vector<double> top;                           // top[k - 1]: share of images with the right class among k best
  std::vector<ClassScore> classes;                   // by label
  std::vector<std::vector<std::int64_t>> confusion;  // [right class][answer]
};

inline constexpr std::int64_t kTopMost = 5;

// Answers are the class with the highest logit, the lowest label on a tie. top has min(kTopMost, classes) entries.
std::optional<Evaluation> evaluate(Network<float>& network, const Split& split, Team& team, const OnBatch& on_batch);

// Precision, recall and F1 from a confusion matrix.
std::vector<ClassScore> class_scores(const std::vector<std::vector<std::int64_t>>& confusion);

struct Interval {
  double low = 0, high = 0;
};

// Where a share lies with 95 % confidence when `value` was seen on `images` images: Wilson's score interval (1927).
Interval wilson_interval(double value, std::int64_t images);

}  // namespace hone
