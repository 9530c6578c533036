#include "engine/data/formats/idx.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>

#include "engine/base/error.hpp"
#include "engine/data/file.hpp"

namespace hone {
namespace {

// The content of a plain or a gzip file, read forward.
class Content {
 public:
  Content(File file, bool compressed) : file_(std::move(file)), compressed_(compressed) {
    if (!compressed_) return;
    constexpr int kGzipOnly = 15 + 16;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
    input_.resize(1u << 16);
  }
  ~Content() {
    if (compressed_) inflateEnd(&stream_);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  const std::string& name() const { return file_.name(); }
  // Bytes of the content, where they are known before reading it.
  bool size_known() const { return !compressed_; }
  std::uint64_t size() const { return file_.size(); }

  std::size_t read_some(std::uint8_t* dst, std::size_t bytes) {
    return compressed_ ? inflate_some(dst, bytes) : file_.read_some(dst, bytes);
  }

 private:
  std::size_t inflate_some(std::uint8_t* dst, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes && !ended_) {
      if (stream_.avail_in == 0) {
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<uInt>(file_.read_some(input_.data(), input_.size()));
        if (stream_.avail_in == 0)
          data_error(name(), "ends inside of its compressed data; expected a complete gzip file");
        consumed_ += stream_.avail_in;
      }
      const auto room = static_cast<uInt>(std::min<std::size_t>(bytes - done, 1u << 30));
      stream_.next_out = dst + done;
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        ended_ = true;
        if (stream_.avail_in > 0 || consumed_ < file_.size())
          data_error(name(), "has bytes after the end of its compressed data; expected one gzip member");
      } else if (status != Z_OK) {
        data_error(name(), fmt::format("is damaged near byte {} ({}); expected gzip data", consumed_ - stream_.avail_in,
                                       stream_.msg != nullptr ? stream_.msg : "invalid data"));
      }
    }
    return done;
  }

  File file_;
  bool compressed_;
  bool ended_ = false;
  std::uint64_t consumed_ = 0;
  std::vector<std::uint8_t> input_;
  z_stream stream_{};
};

std::unique_ptr<Content> open_content(const Folder& folder, const std::string& split, const std::string& kind) {
  const std::string name = split + "-" + kind + "-ubyte";
  std::string dotted = name;
  dotted[dotted.rfind("-idx")] = '.';
  for (const std::string& spelling : {name, dotted})
    for (const char* suffix : {"", ".gz"})
      if (folder.has(spelling + suffix))
        return std::make_unique<Content>(folder.open(spelling + suffix), *suffix != '\0');
  data_error(folder.name(name), "is missing, also as .gz; expected the four files of the idx format");
}

// Sizes in the header, after its magic number has been checked.
template <std::size_t N>
std::array<std::uint64_t, N> read_header(Content& content, std::uint32_t magic, const char* holds) {
  std::array<std::uint8_t, 4 * (N + 1)> bytes{};
  const std::size_t got = content.read_some(bytes.data(), bytes.size());
  if (got < bytes.size())
    data_error(content.name(), fmt::format("ends at byte {}; expected an IDX header of {} bytes", got, bytes.size()));
  std::array<std::uint64_t, N + 1> words{};
  for (std::size_t i = 0; i < words.size(); ++i)
    for (std::size_t j = 0; j < 4; ++j) words[i] = words[i] << 8 | bytes[4 * i + j];
  if (words[0] != magic)
    data_error(content.name(),
               fmt::format("byte 0: magic number {:#010x}; expected {:#010x} ({})", words[0], magic, holds));
  std::array<std::uint64_t, N> sizes{};
  std::copy(words.begin() + 1, words.end(), sizes.begin());
  return sizes;
}

// The `expected` bytes after the header, which must be all there is.
std::vector<std::uint8_t> read_body(Content& content, std::uint64_t header, std::uint64_t expected,
                                    const std::function<void()>& progress) {
  if (expected > kMaxSplitBytes)
    data_error(content.name(),
               fmt::format("byte 4: the header announces {} bytes; expected at most {}", expected, kMaxSplitBytes));
  if (content.size_known() && content.size() != header + expected)
    data_error(content.name(), fmt::format("has {} bytes; its header announces {}", content.size(), header + expected));
  constexpr std::size_t kPiece = std::size_t{16} << 20;  // well below a second, also where it is inflated
  std::vector<std::uint8_t> body;
  const std::size_t first = content.size_known() ? expected : std::size_t{1} << 20;
  while (body.size() < expected) {
    const std::size_t at = body.size();
    if (at == body.capacity()) body.reserve(std::min<std::size_t>(std::max(first, 2 * at), expected));
    const std::size_t wanted = std::min({kPiece, body.capacity() - at, expected - at});
    body.resize(at + wanted);
    const std::size_t got = content.read_some(body.data() + at, wanted);
    if (got < wanted)
      data_error(content.name(),
                 fmt::format("ends after {} bytes; its header announces {}", header + at + got, header + expected));
    if (progress) progress();
  }
  std::uint8_t extra = 0;
  if (content.read_some(&extra, 1) != 0)
    data_error(content.name(), fmt::format("goes on after byte {}, where its header ends it", header + expected));
  return body;
}

Split load_split(const Folder& folder, const std::string& prefix, const LoadOptions& options, Shape& shape) {
  const auto images = open_content(folder, prefix, "images-idx3");
  const auto labels = open_content(folder, prefix, "labels-idx1");

  const auto [count, height, width] = read_header<3>(*images, 0x00000803, "images of unsigned bytes");
  const auto side_fits = [](std::uint64_t side) { return side >= 1 && side <= kMaxImageSide; };
  if (!side_fits(height) || !side_fits(width))
    data_error(images->name(),
               fmt::format("byte 8: images of {} x {} pixels; expected 1 to {} a side", height, width, kMaxImageSide));
  const Shape found{1, static_cast<std::int64_t>(height), static_cast<std::int64_t>(width)};
  check_wanted_shape(options, found, images->name());
  if (shape != Shape{} && shape != found)
    data_error(images->name(),
               fmt::format("has images of {}; the training images are {}", to_string(found), to_string(shape)));
  shape = found;

  const auto [label_count] = read_header<1>(*labels, 0x00000801, "labels of unsigned bytes");
  if (label_count != count)
    data_error(labels->name(), fmt::format("byte 4: {} labels; expected {}, one an image", label_count, count));

  Split split;
  split.count = static_cast<std::int64_t>(count);
  const std::vector<std::uint8_t> label_bytes = read_body(*labels, 8, count, options.progress);
  split.pixels = read_body(*images, 16, count * height * width, options.progress);
  split.labels.assign(label_bytes.begin(), label_bytes.end());
  split.ids.resize(count);
  std::iota(split.ids.begin(), split.ids.end(), 0u);
  if (!options.classes.empty()) check_labels(split, options.classes.size(), labels->name());
  return split;
}

}  // namespace

Dataset load_idx(const std::filesystem::path& path, const LoadOptions& options) {
  const Folder folder(path);
  Dataset dataset;
  dataset.train = load_split(folder, "train", options, dataset.shape);
  dataset.test = load_split(folder, "t10k", options, dataset.shape);
  dataset.classes = options.classes;
  if (dataset.classes.empty()) {
    std::int32_t highest = 0;
    for (const Split* split : {&dataset.train, &dataset.test})
      for (const std::int32_t label : split->labels) highest = std::max(highest, label);
    for (std::int32_t label = 0; label <= highest; ++label) dataset.classes.push_back(std::to_string(label));
  }
  return dataset;
}

}  // namespace hone
