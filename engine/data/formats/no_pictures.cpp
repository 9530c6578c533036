// The functions of image.hpp and image_folder.hpp for the program that has no picture decoder.
#include "engine/base/error.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/image.hpp"
#include "engine/data/formats/image_folder.hpp"

namespace hone {
namespace {

[[noreturn]] void refuse(const std::string& name) {
  data_error(name, "this build can't decode pictures; expected data as idx or cifar_bin, or the build that can (hone)");
}

}  // namespace

Shape picture_shape(std::span<const std::uint8_t> /*encoded*/, const std::string& name) { refuse(name); }

std::vector<std::uint8_t> decode_picture(std::span<const std::uint8_t> /*encoded*/, const Shape& /*shape*/,
                                         const std::string& name, const std::function<void()>& /*progress*/) {
  refuse(name);
}

std::vector<std::uint8_t> read_picture(File file, const std::function<void()>& /*progress*/) { refuse(file.name()); }

Dataset load_image_folder(const std::filesystem::path& folder, const LoadOptions& /*options*/) {
  refuse(folder.string());
}

}  // namespace hone
