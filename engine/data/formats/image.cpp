#include "engine/data/formats/image.hpp"

#include <fmt/format.h>

#include <memory>

#include "engine/base/error.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/picture_check.hpp"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS 8192
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>
#pragma GCC diagnostic pop

namespace hone {
namespace {

static_assert(STBI_MAX_DIMENSIONS == kMaxImageSide);
constexpr std::uint64_t kMaxEncoded = std::uint64_t{256} << 20;

struct Free {
  void operator()(void* memory) const { stbi_image_free(memory); }
};

}  // namespace

Shape picture_shape(std::span<const std::uint8_t> encoded, const std::string& name) {
  int width = 0, height = 0, channels = 0;
  const auto size = static_cast<int>(encoded.size());
  if (encoded.size() > kMaxEncoded || stbi_info_from_memory(encoded.data(), size, &width, &height, &channels) == 0)
    data_error(name, "is not a picture that can be read; expected PNG, JPEG, BMP, PGM or PPM");
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide)
    data_error(name, fmt::format("has {} x {} pixels; expected 1 to {} a side", height, width, kMaxImageSide));
  // The densest of these formats (deflate) packs about 1,030 bytes into one.
  const std::uint64_t decoded = std::uint64_t(width) * std::uint64_t(height) * std::uint64_t(channels);
  if (decoded > 2048 * std::uint64_t{encoded.size()})
    data_error(name, fmt::format("claims {} x {} pixels in {} bytes; expected a complete picture", height, width,
                                 encoded.size()));
  if (const char* problem = picture_problem(encoded, {channels, height, width}))
    data_error(name, fmt::format("{}; expected a complete picture (it has {} bytes)", problem, encoded.size()));
  return {channels <= 2 ? 1 : 3, height, width};
}

std::vector<std::uint8_t> decode_picture(std::span<const std::uint8_t> encoded, const Shape& shape,
                                         const std::string& name) {
  if (shape.c != 1 && shape.c != 3)
    throw Error(ErrorKind::config, Location{name},
                fmt::format("can't be decoded to {} channels; expected 1 or 3", shape.c));
  picture_shape(encoded, name);
  int width = 0, height = 0, found = 0;
  const std::unique_ptr<stbi_uc, Free> decoded(stbi_load_from_memory(
      encoded.data(), static_cast<int>(encoded.size()), &width, &height, &found, static_cast<int>(shape.c)));
  if (decoded == nullptr)
    data_error(name, fmt::format("can't be decoded: {}; expected a complete picture", stbi_failure_reason()));

  const stbi_uc* pixels = decoded.get();
  std::vector<std::uint8_t> scaled;
  if (height != shape.h || width != shape.w) {
    scaled.resize(static_cast<std::size_t>(shape.size()));
    if (stbir_resize_uint8_generic(pixels, width, height, 0, scaled.data(), static_cast<int>(shape.w),
                                   static_cast<int>(shape.h), 0, static_cast<int>(shape.c), STBIR_ALPHA_CHANNEL_NONE, 0,
                                   STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, nullptr) == 0)
      throw std::bad_alloc();
    pixels = scaled.data();
  }
  const auto channels = static_cast<std::size_t>(shape.c), plane = static_cast<std::size_t>(shape.h * shape.w);
  std::vector<std::uint8_t> planes(channels * plane);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < plane; ++i) planes[c * plane + i] = pixels[i * channels + c];
  return planes;
}

std::vector<std::uint8_t> read_picture(File file) { return file.read_all(kMaxEncoded); }

}  // namespace hone
