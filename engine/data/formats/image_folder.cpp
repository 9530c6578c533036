#include "engine/data/formats/image_folder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/error.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/image.hpp"

namespace hone {
namespace {

class Loader {
 public:
  Loader(const Folder& folder, const LoadOptions& options)
      : folder_(folder), options_(options), shape_(options.shape) {}

  std::vector<std::string> class_folders(const std::string& split) const {
    if (!folder_.has_folder(split))
      data_error(folder_.name(split), "is missing; expected a folder with one folder of pictures a class");
    std::vector<std::string> classes = folder_.list(split);
    for (const std::string& name : classes)
      if (!folder_.has_folder(split + "/" + name))
        data_error(folder_.name(split + "/" + name), "is not a folder; expected only folders here, one a class");
    if (classes.empty()) data_error(folder_.name(split), "is empty; expected one folder of pictures a class");
    return classes;
  }

  Split load(const std::string& split, const std::vector<std::string>& classes) {
    Split result;
    std::uint32_t id = 0;
    for (const std::string& name : class_folders(split)) {
      const auto found = std::find(classes.begin(), classes.end(), name);
      if (found == classes.end())
        data_error(folder_.name(split + "/" + name), "is no class of train/; expected the same folders");
      const auto label = static_cast<std::int32_t>(found - classes.begin());
      // The id counts unreadable files as well: it stays when one of them is repaired.
      for (const std::string& file : folder_.list(split + "/" + name))
        add(result, split + "/" + name + "/" + file, label, id++);
    }
    return result;
  }

  // Throws where files could not be read and none may be left out.
  void finish() const {
    if (unreadable_.empty() || options_.skip_unreadable) return;
    constexpr std::size_t kNamed = 3;
    std::string named;
    for (std::size_t i = 0; i < std::min(kNamed, unreadable_.size()); ++i)
      named += (i > 0 ? "; " : "") + unreadable_[i];
    if (unreadable_.size() > kNamed) named += "; ...";
    data_error(folder_.name(),
               fmt::format("{} of {} files can't be read ({}); expected pictures (data.skip_unreadable: "
                           "true leaves out what is none)",
                           unreadable_.size(), files_, named));
  }

  const Shape& shape() const { return shape_; }
  const std::vector<std::string>& unreadable() const { return unreadable_; }

 private:
  void add(Split& split, const std::string& file, std::int32_t label, std::uint32_t id) {
    ++files_;
    if (options_.progress) options_.progress();
    std::vector<std::uint8_t> planes;
    try {
      const std::vector<std::uint8_t> encoded = read_picture(folder_.open(file), options_.progress);
      const std::string name = folder_.name(file);
      if (shape_ == Shape{}) {
        const Shape own = picture_shape(encoded, name);
        planes = decode_picture(encoded, own, name, options_.progress);
        shape_ = own;
      } else {
        planes = decode_picture(encoded, shape_, name, options_.progress);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      unreadable_.push_back(error.what());
      return;
    }
    if (split.pixels.size() + planes.size() > kMaxSplitBytes)
      data_error(folder_.name(file), fmt::format("makes the split larger than {} bytes", kMaxSplitBytes));
    split.pixels.insert(split.pixels.end(), planes.begin(), planes.end());
    split.labels.push_back(label);
    split.ids.push_back(id);
    ++split.count;
  }

  const Folder& folder_;
  const LoadOptions& options_;
  Shape shape_;
  std::size_t files_ = 0;
  std::vector<std::string> unreadable_;
};

}  // namespace

Dataset load_image_folder(const std::filesystem::path& path, const LoadOptions& options) {
  const Folder folder(path);
  Loader loader(folder, options);
  Dataset dataset;
  dataset.classes = loader.class_folders("train");
  if (!options.classes.empty() && options.classes != dataset.classes)
    data_error(folder.name("train"), fmt::format("has {} class folders; expected the {} of the data set's description",
                                                 dataset.classes.size(), options.classes.size()));
  dataset.train = loader.load("train", dataset.classes);
  if (folder.has("validation")) dataset.validation = loader.load("validation", dataset.classes);
  dataset.test = loader.load("test", dataset.classes);
  loader.finish();
  dataset.shape = loader.shape();
  dataset.unreadable = loader.unreadable();
  return dataset;
}

}  // namespace hone
