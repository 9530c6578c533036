// Data sets in memory: pixels stay bytes until a step uses them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/shape.hpp"

namespace hone {

struct Split {
  std::int64_t count = 0;
  std::vector<std::uint8_t> pixels;  // [count][C][H][W]
  std::vector<std::int32_t> labels;  // [count], 0 .. classes - 1
  std::vector<std::uint32_t> ids;    // [count]: stable index in the split as stored, whatever was sampled from it
};

struct Dataset {
  Shape shape;                       // of one image
  std::vector<std::string> classes;  // by label
  Split train;
  Split validation;  // empty unless the set brings one, or split_validation() made one
  Split test;
  std::vector<std::string> unreadable;  // files left out, with the reason; only with skip_unreadable
};

struct LoadOptions {
  // Wanted shape of an image; all 0: what the data have. image_folder converts to it, other formats must have it.
  Shape shape;
  std::vector<std::string> classes;  // names by label where a description gives them; empty: from the data
  bool skip_unreadable = false;
  std::function<void()> progress;  // called every now and then while reading; what it throws ends the loading
};

inline constexpr std::int64_t kMaxImageSide = 8192;
inline constexpr std::uint64_t kMaxSplitBytes = std::uint64_t{16} << 30;

// A way to store a data set. To add one: a file in formats/, and its line in dataset.cpp.
struct Format {
  std::string_view name;
  std::string_view doc;
  Dataset (*load)(const std::filesystem::path& folder, const LoadOptions& options);
};

std::span<const Format> formats();
const Format* find_format(std::string_view name);

// Reads train and test (and validation, where the set has it). Throws Error(data) with the file and what is wrong with
// it; Error(config) where options.shape is not what the data have.
Dataset load_dataset(std::string_view format, const std::filesystem::path& folder, const LoadOptions& options = {});

// For formats: throws unless `found` is the wanted shape, or none is wanted.
void check_wanted_shape(const LoadOptions& options, const Shape& found, const std::string& file);
// For formats: throws unless every label is below `classes`.
void check_labels(const Split& split, std::size_t classes, const std::string& file);

}  // namespace hone
