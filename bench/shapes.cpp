#include "bench/shapes.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include "engine/base/error.hpp"

namespace hone::bench {
namespace {

constexpr std::int64_t kLargest = 1 << 20;

using Numbers = std::vector<std::int64_t>;

// Calls take(name, numbers, where) for each line; each line holds a number for each word of `columns`.
void read_lines(const std::string& path, const std::string& columns,
                const std::function<void(const std::string&, const Numbers&, const Location&)>& take) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorKind::io, path + ": can't be read; expected a file of lines `name " + columns + "`");
  const auto wanted = static_cast<std::size_t>(std::count(columns.begin(), columns.end(), ' ')) + 1;
  std::vector<std::string> names;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name, word;
    if (!(words >> name)) continue;
    const Location where{path, number, 0};
    Numbers numbers;
    while (words >> word) {
      std::size_t used = 0;
      std::int64_t value = -1;
      try {
        value = std::stoll(word, &used);
      } catch (const std::exception&) {
        used = 0;
      }
      if (used != word.size() || value < 0 || value > kLargest)
        throw Error(ErrorKind::data, where, "'" + word + "' is not a size; expected an integer from 0 to 1048576");
      numbers.push_back(value);
    }
    if (numbers.size() != wanted || name.find('/') != std::string::npos)
      throw Error(ErrorKind::data, where,
                  "shape '" + name + "' has " + std::to_string(numbers.size()) + " sizes; expected `name " + columns +
                      "`, without a slash in the name");
    if (std::find(names.begin(), names.end(), name) != names.end())
      throw Error(ErrorKind::data, where, "shape '" + name + "' is there twice; expected names to differ");
    names.push_back(name);
    take(name, numbers, where);
  }
}

void require(bool holds, const Location& where, const std::string& expected) {
  if (!holds) throw Error(ErrorKind::data, where, "impossible shape; expected " + expected);
}

std::int64_t output(std::int64_t in, std::int64_t pad, std::int64_t window, std::int64_t stride) {
  return in + 2 * pad < window ? 0 : (in + 2 * pad - window) / stride + 1;
}

}  // namespace

std::vector<Named<ConvShape>> conv_shapes() {
  const char* own = std::getenv("HONE_BENCH_SHAPES");
  std::vector<Named<ConvShape>> shapes;
  read_lines(own != nullptr && *own != '\0' ? own : HONE_BENCH_SHAPES_DIR "/conv.txt",
             "N C H W K R S stride pad groups", [&](const std::string& name, const Numbers& n, const Location& where) {
               ConvShape s;
               s.c = n[1];
               s.h = n[2];
               s.w = n[3];
               s.k = n[4];
               s.r = n[5];
               s.s = n[6];
               s.stride_h = s.stride_w = n[7];
               s.pad_h = s.pad_w = n[8];
               s.groups = n[9];
               require(
                   n[0] > 0 && s.c > 0 && s.h > 0 && s.w > 0 && s.k > 0 && s.r > 0 && s.s > 0 && n[7] > 0 && n[9] > 0,
                   where, "every size but the padding to be at least 1");
               require(s.c % s.groups == 0 && s.k % s.groups == 0, where, "groups to divide C and K");
               s.out_h = output(s.h, s.pad_h, s.r, s.stride_h);
               s.out_w = output(s.w, s.pad_w, s.s, s.stride_w);
               require(s.out_h > 0 && s.out_w > 0, where, "the kernel to fit the padded input");
               shapes.push_back({name, n[0], s});
             });
  return shapes;
}

std::vector<Named<DenseShape>> dense_shapes() {
  std::vector<Named<DenseShape>> shapes;
  read_lines(HONE_BENCH_SHAPES_DIR "/dense.txt", "N inputs outputs",
             [&](const std::string& name, const Numbers& n, const Location& where) {
               require(n[0] > 0 && n[1] > 0 && n[2] > 0, where, "every size to be at least 1");
               shapes.push_back({name, n[0], {n[1], n[2]}});
             });
  return shapes;
}

std::vector<Named<PoolShape>> pool_shapes() {
  std::vector<Named<PoolShape>> shapes;
  read_lines(HONE_BENCH_SHAPES_DIR "/pool.txt", "N C H W size stride pad",
             [&](const std::string& name, const Numbers& n, const Location& where) {
               PoolShape s;
               s.c = n[1];
               s.h = n[2];
               s.w = n[3];
               s.size_h = s.size_w = n[4];
               s.stride_h = s.stride_w = n[5];
               s.pad_h = s.pad_w = n[6];
               require(n[0] > 0 && s.c > 0 && s.h > 0 && s.w > 0 && n[4] > 0 && n[5] > 0 && 2 * n[6] <= n[4], where,
                       "sizes of at least 1 and a padding of at most half the window");
               s.out_h = output(s.h, s.pad_h, s.size_h, s.stride_h);
               s.out_w = output(s.w, s.pad_w, s.size_w, s.stride_w);
               require(s.out_h > 0 && s.out_w > 0, where, "the window to fit the padded input");
               shapes.push_back({name, n[0], s});
             });
  return shapes;
}

}  // namespace hone::bench
