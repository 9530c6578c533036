#include "engine/data/dataset.hpp"

#include <fmt/format.h>

#include <array>
#include <new>

#include "engine/base/error.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/cifar_bin.hpp"
#include "engine/data/formats/idx.hpp"
#include "engine/data/formats/image_folder.hpp"

namespace hone {
namespace {

constexpr std::array<Format, 3> kFormats = {{
    {"idx", "a folder with the four files of MNIST, plain or .gz", load_idx},
    {"cifar_bin", "data_batch_*.bin and test_batch.bin, batches.meta.txt optional", load_cifar_bin},
    {"image_folder", "train/, test/ and optionally validation/, each with a folder of pictures a class",
     load_image_folder},
}};

// While it lives, what does not fit into memory is thrown, whatever the program does about it elsewhere.
class ThrowingNew {
 public:
  ThrowingNew() : before_(std::set_new_handler(nullptr)) {}
  ~ThrowingNew() { std::set_new_handler(before_); }
  ThrowingNew(const ThrowingNew&) = delete;
  ThrowingNew& operator=(const ThrowingNew&) = delete;

 private:
  std::new_handler before_;
};

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format* find_format(std::string_view name) {
  for (const Format& format : kFormats)
    if (format.name == name) return &format;
  return nullptr;
}

Dataset load_dataset(std::string_view format, const std::filesystem::path& folder, const LoadOptions& options) {
  const Format* found = find_format(format);
  if (found == nullptr) throw Error(ErrorKind::internal, fmt::format("no data format '{}'", format));
  const ThrowingNew throwing;
  try {
    Dataset dataset = found->load(folder, options);
    if (dataset.train.count == 0) data_error(folder.string(), "has no training images; expected at least one");
    return dataset;
  } catch (const std::bad_alloc&) {
    data_error(folder.string(),
               "does not fit in memory; expected a data set that does (data.limit samples after reading)");
  }
}

void check_wanted_shape(const LoadOptions& options, const Shape& found, const std::string& file) {
  if (options.shape == Shape{} || options.shape == found) return;
  throw Error(ErrorKind::config, Location{file},
              fmt::format("has images of {}; expected {} (C, H, W)", to_string(found), to_string(options.shape)));
}

void check_labels(const Split& split, std::size_t classes, const std::string& file) {
  for (std::size_t i = 0; i < split.labels.size(); ++i)
    if (static_cast<std::size_t>(split.labels[i]) >= classes)
      data_error(
          file, fmt::format("label {} of image {} is out of range; expected 0 to {}", split.labels[i], i, classes - 1));
}

}  // namespace hone
