#include "engine/data/formats/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/base/error.hpp"
#include "engine/data/aside.hpp"
#include "engine/data/dataset.hpp"
#include "engine/data/file.hpp"
#include "engine/data/formats/picture_check.hpp"
#include "engine/data/formats/resize.hpp"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS 8192
// It reads tables and coefficients that a damaged picture never sets: zeros then, not what was in memory before.
#define STBI_MALLOC(bytes) std::calloc(1, bytes)
#define STBI_REALLOC(memory, bytes) std::realloc(memory, bytes)
#define STBI_FREE(memory) std::free(memory)
#define STBI_ASSERT(condition) static_cast<void>(0)  // some of them fail on damaged pictures, which then are refused
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace hone {
namespace {

static_assert(STBI_MAX_DIMENSIONS == kMaxImageSide);
constexpr std::uint64_t kMaxEncoded = std::uint64_t{256} << 20;

// What is no larger is decoded within milliseconds; with as many scans as are taken, well within a second.
constexpr std::int64_t kQuickValues = std::int64_t{1} << 20;
constexpr std::size_t kQuickBytes = std::size_t{1} << 16;

struct Free {
  void operator()(void* memory) const { stbi_image_free(memory); }
};

// Of a picture that was looked at.
std::vector<std::uint8_t> decode(std::span<const std::uint8_t> encoded, const Shape& shape, const std::string& name) {
  int width = 0, height = 0, found = 0;
  const std::unique_ptr<stbi_uc, Free> decoded(stbi_load_from_memory(
      encoded.data(), static_cast<int>(encoded.size()), &width, &height, &found, static_cast<int>(shape.c)));
  if (decoded == nullptr)
    data_error(name, fmt::format("can't be decoded: {}; expected a complete picture", stbi_failure_reason()));

  const stbi_uc* pixels = decoded.get();
  std::vector<std::uint8_t> scaled;
  if (height != shape.h || width != shape.w) {
    const auto size =
        static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(shape.c);
    scaled = resize({pixels, size}, {shape.c, height, width}, shape);
    pixels = scaled.data();
  }
  const auto channels = static_cast<std::size_t>(shape.c), plane = static_cast<std::size_t>(shape.h * shape.w);
  std::vector<std::uint8_t> planes(channels * plane);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < plane; ++i) planes[c * plane + i] = pixels[i * channels + c];
  return planes;
}

}  // namespace

Shape picture_shape(std::span<const std::uint8_t> encoded, const std::string& name) {
  const auto refuse = [&](const std::string& problem) {
    data_error(name, fmt::format("{}; expected a complete PNG, JPEG, BMP, PGM or PPM", problem));
  };
  if (encoded.size() > kMaxEncoded) refuse(fmt::format("has {} bytes", encoded.size()));
  if (const char* problem = structure_problem(encoded)) refuse(problem);
  int width = 0, height = 0, channels = 0;
  if (stbi_info_from_memory(encoded.data(), static_cast<int>(encoded.size()), &width, &height, &channels) == 0)
    refuse("can't be read");
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide)
    data_error(name, fmt::format("has {} x {} pixels; expected 1 to {} a side", height, width, kMaxImageSide));
  if (const char* problem = size_problem(encoded, {channels, height, width}))
    refuse(fmt::format("{} ({} x {} pixels in {} bytes)", problem, height, width, encoded.size()));
  return {channels <= 2 ? 1 : 3, height, width};
}

std::vector<std::uint8_t> decode_picture(std::span<const std::uint8_t> encoded, const Shape& shape,
                                         const std::string& name, const std::function<void()>& progress) {
  if (shape.c != 1 && shape.c != 3)
    throw Error(ErrorKind::config, Location{name},
                fmt::format("can't be decoded to {} channels; expected 1 or 3", shape.c));
  const Shape own = picture_shape(encoded, name);
  const bool quick = std::max(own.size(), shape.size()) <= kQuickValues && encoded.size() <= kQuickBytes;
  if (quick || !progress) return decode(encoded, shape, name);
  return run_aside([bytes = std::vector<std::uint8_t>(encoded.begin(), encoded.end()), shape,
                    name] { return decode(bytes, shape, name); },
                   progress);
}

std::vector<std::uint8_t> read_picture(File file, const std::function<void()>& progress) {
  return file.read_all(kMaxEncoded, progress);
}

}  // namespace hone
