// Every key of a config outside of layers, optimizers, schedules and augmentations (and of programs:
// describe_program.hpp): its name, default, range and meaning. The loader, the dump of all defaults, the list of
// differences and the JSON schema are visitors of these functions, so that a new key is one line here and its member in
// config.hpp.
//
// A visitor V has
//   option(const OptionSpec&, T&)               T: what OptionValue holds, or an optional of it
//   choices(const Key&, names, vector<string>&) a list of some of the names; absent: all of them
//   shape(const Key&, Shape&)                   [C, H, W]; absent: (0, 0, 0)
//   section(const Key&, T&)                     a map, described by describe(V&, T&)
//   optional_section(const Key&, optional<T>&)  a map that may be left out or be null
//   component(const Key&, const Family&, Component&)
//   components(const Key&, const Family&, vector<Component>&)
#pragma once

#include <array>
#include <string_view>

#include "trainer/config/config.hpp"
#include "trainer/config/family.hpp"

namespace hone {

struct Key {
  std::string_view name;
  std::string_view doc;
  std::string_view fallback = "";  // YAML text; of a component
  bool required = false;
};

inline constexpr double kMaxImages = 100e6;
inline constexpr double kMaxEpochs = 100000;
inline constexpr double kMaxSeed = 9007199254740992;  // 2^53: any JSON reader keeps it
inline constexpr double kMaxSide = 8192;
inline constexpr double kMaxNameBytes = 200;
inline constexpr double kMaxPathBytes = 4096;

inline constexpr std::array<std::string_view, 3> kFormats = {"idx", "cifar_bin", "image_folder"};
inline constexpr std::array<std::string_view, 3> kNormalizations = {"none", "unit", "standard"};
inline constexpr std::array<std::string_view, 2> kPrecisions = {"fast", "strict"};
inline constexpr std::array<std::string_view, 1> kMetrics = {"accuracy"};
inline constexpr std::array<std::string_view, 13> kTweakAxes = {
    "depth",    "width",     "kernel",     "pool",       "dense",          "epochs", "learning_rate",
    "schedule", "optimizer", "batch_size", "batch_norm", "regularization", "augment"};

template <class V>
void describe(V& v, LimitConfig& c) {
  v.option({.name = "train",
            .kind = OptionKind::integer,
            .fallback = "",
            .doc = "images of the training split",
            .minimum = 1,
            .maximum = kMaxImages,
            .optional = true},
           c.train);
  v.option({.name = "test",
            .kind = OptionKind::integer,
            .fallback = "",
            .doc = "images of the test split",
            .minimum = 1,
            .maximum = kMaxImages,
            .optional = true},
           c.test);
}

template <class V>
void describe(V& v, DataConfig& c) {
  v.option({.name = "dataset",
            .kind = OptionKind::text,
            .fallback = "",
            .doc = "a data set by name; else format and path",
            .maximum = kMaxNameBytes,
            .optional = true},
           c.dataset);
  v.option({.name = "format",
            .kind = OptionKind::choice,
            .fallback = "",
            .doc = "how the files at path are written",
            .choices = kFormats,
            .optional = true},
           c.format);
  v.option({.name = "path",
            .kind = OptionKind::text,
            .fallback = "",
            .doc = "folder with the images, relative to the config file",
            .maximum = kMaxPathBytes,
            .optional = true},
           c.path);
  v.option({.name = "validation",
            .kind = OptionKind::real,
            .fallback = "0.1",
            .doc = "share of the training split that is held back; 0: none",
            .minimum = 0,
            .maximum = 0.9},
           c.validation);
  v.section({"limit", "a seeded, stratified sample of a split; null: all of it"}, c.limit);
  v.option({.name = "normalize",
            .kind = OptionKind::choice,
            .fallback = "standard",
            .doc = "none: 0..255; unit: x/255; standard: (x/255 - mean)/std per channel over the training images",
            .choices = kNormalizations},
           c.normalize);
  v.option({.name = "skip_unreadable",
            .kind = OptionKind::boolean,
            .fallback = "false",
            .doc = "leave out images that can't be read instead of stopping"},
           c.skip_unreadable);
  v.components({"augment", "random changes to the training images, in this order"}, augment_family(), c.augment);
}

template <class V>
void describe(V& v, ModelSpec& c) {
  v.shape({"input", "C, H, W of an image; may be left to the data"}, c.input);
  v.components({.name = "layers", .doc = "from the image to the logits", .required = true}, layer_family(), c.layers);
}

template <class V>
void describe(V& v, EarlyStopConfig& c) {
  v.option({.name = "patience",
            .kind = OptionKind::integer,
            .fallback = "3",
            .doc = "epochs without a better validation accuracy before training stops",
            .minimum = 1,
            .maximum = kMaxEpochs},
           c.patience);
}

template <class V>
void describe(V& v, CheckpointConfig& c) {
  v.option({.name = "every_seconds",
            .kind = OptionKind::real,
            .fallback = "30",
            .doc = "time between two checkpoints within an epoch",
            .minimum = kAboveZero,
            .maximum = 1e6},
           c.every_seconds);
  v.option({.name = "keep",
            .kind = OptionKind::integer,
            .fallback = "2",
            .doc = "resume states kept, the newest first",
            .minimum = 1,
            .maximum = 100},
           c.keep);
}

template <class V>
void describe(V& v, OnDivergenceConfig& c) {
  v.option({.name = "retry",
            .kind = OptionKind::integer,
            .fallback = "2",
            .doc = "fresh attempts when the loss is no longer finite",
            .minimum = 0,
            .maximum = 100},
           c.retry);
  v.option({.name = "scale_learning_rate",
            .kind = OptionKind::real,
            .fallback = "0.3",
            .doc = "what each attempt multiplies the learning rate by",
            .minimum = kAboveZero,
            .maximum = 1},
           c.scale_learning_rate);
}

template <class V>
void describe(V& v, TrainConfig& c) {
  v.option({.name = "epochs",
            .kind = OptionKind::integer,
            .fallback = "10",
            .doc = "passes over the training images",
            .minimum = 1,
            .maximum = kMaxEpochs},
           c.epochs);
  v.option({.name = "batch_size",
            .kind = OptionKind::integer,
            .fallback = "64",
            .doc = "images a step",
            .minimum = 1,
            .maximum = 65536},
           c.batch_size);
  v.component({"optimizer", "how gradients change the weights", "{sgd: {learning_rate: 0.01, momentum: 0.9}}"},
              optimizer_family(), c.optimizer);
  v.component({"schedule", "how the learning rate changes, step by step", "constant"}, schedule_family(), c.schedule);
  v.option({.name = "label_smoothing",
            .kind = OptionKind::real,
            .fallback = "0",
            .doc = "share of each label spread over all classes",
            .minimum = 0,
            .maximum = 0.99},
           c.label_smoothing);
  v.option({.name = "clip_gradients",
            .kind = OptionKind::real,
            .fallback = "0",
            .doc = "largest global norm of the gradients; 0: off",
            .minimum = 0,
            .maximum = 1e6},
           c.clip_gradients);
  v.optional_section({"early_stop", "stop when the validation accuracy stalls; null: never"}, c.early_stop);
  v.section({"checkpoint", "how often the state is saved"}, c.checkpoint);
  v.option({.name = "precision",
            .kind = OptionKind::choice,
            .fallback = "fast",
            .doc = "strict: no algorithm that rounds differently from direct convolution (no Winograd)",
            .choices = kPrecisions},
           c.precision);
  v.section({"on_divergence", "what to do when the loss is no longer finite"}, c.on_divergence);
}

template <class V>
void describe(V& v, TargetConfig& c) {
  v.option({.name = "metric",
            .kind = OptionKind::choice,
            .fallback = "accuracy",
            .doc = "what is measured on the test split",
            .choices = kMetrics},
           c.metric);
  v.option({.name = "at_least",
            .kind = OptionKind::real,
            .fallback = "0.8",
            .doc = "the value to reach",
            .minimum = kAboveZero,
            .maximum = 1},
           c.at_least);
}

template <class V>
void describe(V& v, TweakLimitsConfig& c) {
  v.option({.name = "parameters",
            .kind = OptionKind::integer,
            .fallback = "5000000",
            .doc = "most trainable values",
            .minimum = 1,
            .maximum = 1e12},
           c.parameters);
  v.option({.name = "macs",
            .kind = OptionKind::integer,
            .fallback = "100000000",
            .doc = "most multiply-adds an image, forward",
            .minimum = 1,
            .maximum = 1e15},
           c.macs);
}

// trials and minutes of a search.
template <class V, class T>
void describe_budget(V& v, T& c) {
  v.option({.name = "trials",
            .kind = OptionKind::integer,
            .fallback = "20",
            .doc = "most candidates that are trained",
            .minimum = 1,
            .maximum = 10000},
           c.trials);
  v.option({.name = "minutes",
            .kind = OptionKind::real,
            .fallback = "30",
            .doc = "most wall time of a search",
            .minimum = kAboveZero,
            .maximum = 525600},
           c.minutes);
}

template <class V>
void describe(V& v, TweakConfig& c) {
  describe_budget(v, c);
  v.choices({"allow", "what may be changed; absent: all of it"}, kTweakAxes, c.allow);
  v.section({"limits", "what a candidate may not exceed"}, c.limits);
}

// name and seed of any config.
template <class V, class T>
void describe_identity(V& v, T& c) {
  v.option({.name = "name",
            .kind = OptionKind::text,
            .fallback = "",
            .doc = "of the model; default: the file's name",
            .maximum = kMaxNameBytes,
            .optional = true},
           c.name);
  v.option({.name = "seed",
            .kind = OptionKind::integer,
            .fallback = "42",
            .doc = "of every random choice",
            .minimum = 0,
            .maximum = kMaxSeed},
           c.seed);
}

template <class V>
void describe(V& v, Config& c) {
  describe_identity(v, c);
  v.section({.name = "data", .doc = "what is learnt from", .required = true}, c.data);
  v.section({.name = "model", .doc = "the network", .required = true}, c.model);
  v.section({"train", "how it is trained"}, c.train);
  v.section({"target", "what accuracy is good enough"}, c.target);
  v.section({"tweak", "what a search may change and spend"}, c.tweak);
}

}  // namespace hone
