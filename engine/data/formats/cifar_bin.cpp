#include "engine/data/formats/cifar_bin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/data/file.hpp"

namespace hone {
namespace {

constexpr Shape kShape{3, 32, 32};
constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr std::size_t kRecord = 1 + kPixels;

// data_batch_2 comes before data_batch_10.
bool in_number_order(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::vector<std::string> training_files(const Folder& folder) {
  std::vector<std::string> files;
  for (const std::string& name : folder.list())
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) files.push_back(name);
  if (files.empty()) data_error(folder.name(), "has no data_batch_*.bin; expected at least one");
  std::sort(files.begin(), files.end(), in_number_order);
  return files;
}

std::vector<std::string> class_names(const Folder& folder, const LoadOptions& options) {
  if (!options.classes.empty()) return options.classes;
  std::vector<std::string> names;
  if (folder.has("batches.meta.txt")) {
    const std::vector<std::uint8_t> text = folder.open("batches.meta.txt").read_all(1u << 16);
    std::string line;
    for (const std::uint8_t byte : text) {
      if (byte == '\n') {
        if (!line.empty()) names.push_back(line);
        line.clear();
      } else if (byte < 0x20 && byte != '\r') {
        data_error(folder.name("batches.meta.txt"), "holds control characters; expected one class name a line");
      } else if (byte != '\r') {
        line += static_cast<char>(byte);
      }
    }
    if (!line.empty()) names.push_back(line);
    if (names.empty() || names.size() > 256)
      data_error(folder.name("batches.meta.txt"), fmt::format("has {} class names; expected 1 to 256", names.size()));
  } else {
    for (int label = 0; label < 10; ++label) names.push_back(std::to_string(label));
  }
  return names;
}

Split load_split(const Folder& folder, const std::vector<std::string>& names, std::size_t classes,
                 const LoadOptions& options) {
  std::vector<File> files;
  std::uint64_t records = 0;
  for (const std::string& name : names) {
    files.push_back(folder.open(name));
    const std::uint64_t size = files.back().size();
    if (size == 0 || size % kRecord != 0)
      data_error(
          folder.name(name),
          fmt::format("has {} bytes; expected a multiple of {} (one label and 3 x 32 x 32 pixels)", size, kRecord));
    records += size / kRecord;
    if (records * kPixels > kMaxSplitBytes)
      data_error(folder.name(name), fmt::format("makes the split larger than {} bytes", kMaxSplitBytes));
  }
  Split split;
  split.count = static_cast<std::int64_t>(records);
  split.pixels.reserve(records * kPixels);
  split.labels.resize(records);
  split.ids.resize(records);
  std::iota(split.ids.begin(), split.ids.end(), 0u);

  constexpr std::size_t kChunk = 1024;  // records read at once
  std::vector<std::uint8_t> chunk(kChunk * kRecord);
  std::size_t image = 0;
  for (File& file : files) {
    const std::size_t in_file = file.size() / kRecord;
    for (std::size_t first = 0; first < in_file; first += kChunk) {
      const std::size_t here = std::min(kChunk, in_file - first);
      file.read(chunk.data(), here * kRecord);
      for (std::size_t i = 0; i < here; ++i, ++image) {
        const std::uint8_t* record = chunk.data() + i * kRecord;
        if (record[0] >= classes)
          data_error(file.name(), fmt::format("byte {}: label {} of record {}; expected 0 to {}", (first + i) * kRecord,
                                              record[0], first + i, classes - 1));
        split.labels[image] = record[0];
        split.pixels.insert(split.pixels.end(), record + 1, record + kRecord);
      }
      if (options.progress) options.progress();
    }
  }
  return split;
}

}  // namespace

Dataset load_cifar_bin(const std::filesystem::path& path, const LoadOptions& options) {
  const Folder folder(path);
  Dataset dataset;
  dataset.shape = kShape;
  check_wanted_shape(options, kShape, folder.name());
  dataset.classes = class_names(folder, options);
  const std::vector<std::string> files = training_files(folder);
  if (!folder.has("test_batch.bin")) data_error(folder.name("test_batch.bin"), "is missing; expected the test images");
  dataset.train = load_split(folder, files, dataset.classes.size(), options);
  dataset.test = load_split(folder, {"test_batch.bin"}, dataset.classes.size(), options);
  return dataset;
}

}  // namespace hone
