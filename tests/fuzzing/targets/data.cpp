// Files of a data set, and pictures. A seed holds several files one behind the other, each after its length in two
// bytes, the higher one first.
#include <algorithm>
#include <array>
#include <string>

#include "engine/data/dataset.hpp"
#include "engine/data/formats/image.hpp"
#include "tests/fuzzing/target.hpp"
#include "tests/support/temporary_folder.hpp"

namespace hone::fuzzing {
namespace {

Bytes take_file(Bytes& input) {
  if (input.size() < 2) return {};
  const std::size_t length = std::size_t{input[0]} << 8 | input[1];
  const Bytes file = input.subspan(2, std::min(length, input.size() - 2));
  input = input.subspan(2 + file.size());
  return file;
}

void check_split(const Split& split, const Dataset& dataset) {
  const auto count = static_cast<std::size_t>(split.count);
  if (split.labels.size() != count || split.ids.size() != count) std::abort();
  if (split.pixels.size() != count * static_cast<std::size_t>(dataset.shape.size())) std::abort();
  for (const std::int32_t label : split.labels)
    if (label < 0 || static_cast<std::size_t>(label) >= dataset.classes.size()) std::abort();
}

template <std::size_t N>
void run_set_of(std::string_view format, const std::array<const char*, N>& names, Bytes input) {
  static const testing::TemporaryFolder folder;
  for (const char* name : names) replace_file(folder / name, as_text(take_file(input)));
  expect_taken_or_refused({ErrorKind::data}, [&] {
    const Dataset dataset = load_dataset(format, folder.path());
    check_split(dataset.train, dataset);
    check_split(dataset.test, dataset);
  });
}

}  // namespace

void run_idx(Bytes input) {
  constexpr std::array names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                "t10k-labels-idx1-ubyte"};
  run_set_of("idx", names, input);
}

void run_idx_gz(Bytes input) {
  constexpr std::array names = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
                                "t10k-labels-idx1-ubyte"};
  run_set_of("idx", names, input);
}

void run_cifar(Bytes input) {
  constexpr std::array names = {"data_batch_1.bin", "test_batch.bin", "batches.meta.txt"};
  run_set_of("cifar_bin", names, input);
}

void run_image(Bytes input) {
  expect_taken_or_refused({ErrorKind::data}, [&] {
    const Shape own = picture_shape(input, "fuzz");
    if (own.c < 1 || own.h < 1 || own.w < 1 || own.h > kMaxImageSide || own.w > kMaxImageSide) std::abort();
    for (const Shape& shape : {Shape{1, 8, 8}, Shape{3, 11, 5}})
      if (decode_picture(input, shape, "fuzz").size() != static_cast<std::size_t>(shape.size())) std::abort();
  });
}

}  // namespace hone::fuzzing
