// A config as checked, plain data: every default is filled in. Which keys there are, their defaults, ranges and meaning
// stand in describe.hpp (sections) and in the tables of the layers, optimizers, schedules and augmentations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/component.hpp"
#include "engine/graph/model_spec.hpp"

namespace hone {

// A seeded, stratified sample of a split; absent: all of it.
struct LimitConfig {
  std::optional<std::int64_t> train;
  std::optional<std::int64_t> test;
};

// Either dataset, or format and path, is given; what is not is empty.
struct DataConfig {
  std::string dataset;
  std::string format;  // idx, cifar_bin, image_folder
  std::string path;    // absolute
  double validation = 0;
  LimitConfig limit;
  std::string normalize;  // none, unit, standard
  bool skip_unreadable = false;
  std::vector<Component> augment;
  Location where;  // of the value of dataset or path
};

struct EarlyStopConfig {
  std::int64_t patience = 0;
  Location where;
};

struct CheckpointConfig {
  double every_seconds = 0;
  std::int64_t keep = 0;
};

struct OnDivergenceConfig {
  std::int64_t retry = 0;
  double scale_learning_rate = 0;
};

struct TrainConfig {
  std::int64_t epochs = 0;
  std::int64_t batch_size = 0;
  Component optimizer;
  Component schedule;
  double label_smoothing = 0;
  double clip_gradients = 0;  // 0: off
  std::optional<EarlyStopConfig> early_stop;
  CheckpointConfig checkpoint;
  std::string precision;  // fast, strict
  OnDivergenceConfig on_divergence;
  Location where;
};

struct TargetConfig {
  std::string metric;
  double at_least = 0;
};

struct TweakLimitsConfig {
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
};

struct TweakConfig {
  std::int64_t trials = 0;
  double minutes = 0;
  std::vector<std::string> allow;
  TweakLimitsConfig limits;
};

struct Config {
  std::string name;
  std::int64_t seed = 0;
  DataConfig data;
  ModelSpec model;  // input is (0, 0, 0) where the config leaves it to the data
  TrainConfig train;
  TargetConfig target;
  TweakConfig tweak;

  std::string source;  // the text it was read from, before any --set
  Location where;      // of its first key

  bool has_input() const { return model.input.c > 0; }
};

}  // namespace hone
