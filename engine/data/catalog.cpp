#include "engine/data/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "engine/base/error.hpp"
#include "engine/data/file.hpp"

namespace hone {
namespace fs = std::filesystem;
namespace {

// Reads the lines that descriptions consist of: comments, `key: value`, `key:` and `  - item`.
class DescriptionParser {
 public:
  DescriptionParser(std::string_view text, const std::string& file) : file_(file) {
    std::vector<std::string>* list = nullptr;
    while (!text.empty()) {
      ++line_;
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      if (line.empty() || line.starts_with('#')) continue;
      if (line.starts_with("  - ")) {
        if (list == nullptr) fail("an item outside of a list");
        list->emplace_back(line.substr(4));
        lines_[list].push_back(line_);
        continue;
      }
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || (colon + 1 < line.size() && line[colon + 1] != ' '))
        fail("expected 'key: value', 'key:' or '  - item'");
      const std::string key(line.substr(0, colon));
      if (!seen_.insert(key).second) fail("'" + key + "' is there twice");
      list = nullptr;
      if (key == "classes") {
        list = &info.classes;
      } else if (key == "files") {
        list = &files_;
      } else if (key == "sources") {
        list = &info.sources;
      } else {
        set(key, line.substr(std::min(colon + 2, line.size())));
      }
    }
    line_ = 0;
    for (const char* key : {"name", "title", "format", "shape", "train", "test", "licence", "homepage"})
      if (!seen_.contains(key)) fail(fmt::format("'{}' is missing", key));
    if (info.classes.empty() || info.sources.empty()) fail("expected at least one class and one source");
    read_files();
  }

  DatasetInfo info;

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::data, Location{file_, line_}, what); }

  void set(const std::string& key, std::string_view value) {
    if (value.empty()) fail("'" + key + "' has no value");
    const std::map<std::string_view, std::string*> texts = {{"name", &info.name},         {"title", &info.title},
                                                            {"format", &info.format},     {"licence", &info.licence},
                                                            {"homepage", &info.homepage}, {"note", &info.note}};
    if (const auto text = texts.find(key); text != texts.end()) {
      *text->second = value;
      if (key == "format" && find_format(value) == nullptr) fail(fmt::format("'{}' is no format", value));
    } else if (key == "train") {
      info.train = integer(value, 1, UINT32_MAX);
    } else if (key == "test") {
      info.test = integer(value, 1, UINT32_MAX);
    } else if (key == "shape") {
      const std::vector<std::string_view> sizes = words(value);
      if (sizes.size() != 3) fail("expected a shape of three numbers, C H W");
      info.shape = {integer(sizes[0], 1, 1024), integer(sizes[1], 1, kMaxImageSide),
                    integer(sizes[2], 1, kMaxImageSide)};
    } else {
      fail("unknown key '" + key + "'");
    }
  }

  std::int64_t integer(std::string_view text, std::int64_t least, std::int64_t most) const {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
      fail(fmt::format("'{}'; expected a number from {} to {}", text, least, most));
    return value;
  }

  static std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> result;
    while (!text.empty()) {
      const std::string_view word = text.substr(0, text.find(' '));
      if (!word.empty()) result.push_back(word);
      text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return result;
  }

  void read_files() {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      line_ = lines_[&files_][i];
      const std::vector<std::string_view> parts = words(files_[i]);
      const bool named = parts.size() == 3 && parts[0].find('/') == std::string_view::npos && parts[0][0] != '.';
      if (!named || parts[2].size() != 64 || parts[2].find_first_not_of("0123456789abcdef") != std::string_view::npos)
        fail("expected a file as NAME BYTES SHA256");
      const auto bytes = static_cast<std::uint64_t>(integer(parts[1], 0, INT64_MAX));
      info.files.push_back({std::string(parts[0]), bytes, std::string(parts[2])});
    }
    line_ = 0;
    if (info.files.empty()) fail("names no files");
  }

  std::string file_;
  int line_ = 0;
  std::set<std::string> seen_;
  std::vector<std::string> files_;
  std::map<const void*, std::vector<int>> lines_;  // of each list's items
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

DatasetInfo parse_dataset_info(std::string_view text, const std::string& file) {
  return DescriptionParser(text, file).info;
}

void write_dataset_files(const fs::path& folder) {
  for (const ShippedFile& file : shipped_dataset_files()) {
    const fs::path path = folder / file.name;
    std::ofstream stream(path, std::ios::binary);
    stream << file.text << std::flush;
    std::error_code error;
    if (file.name == "fetch") fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add, error);
    if (!stream || error)
      throw Error(ErrorKind::io, Location{path.string()}, "can't be written; expected a folder with room in it");
  }
}

const std::vector<DatasetInfo>& dataset_catalog() {
  static const std::vector<DatasetInfo> catalog = [] {
    std::vector<DatasetInfo> sets;
    for (const ShippedFile& file : shipped_dataset_files())
      if (file.name.ends_with(".yaml"))
        sets.push_back(parse_dataset_info(file.text, "datasets/" + std::string(file.name)));
    std::sort(sets.begin(), sets.end(), [](const DatasetInfo& a, const DatasetInfo& b) { return a.name < b.name; });
    return sets;
  }();
  return catalog;
}

const DatasetInfo* find_dataset(std::string_view name) {
  for (const DatasetInfo& info : dataset_catalog())
    if (info.name == name) return &info;
  return nullptr;
}

fs::path datasets_folder() {
  if (const std::string folder = environment("HONE_DATA"); !folder.empty()) return folder;
  if (const std::string cache = environment("XDG_CACHE_HOME"); cache.starts_with('/')) return fs::path(cache) / "hone";
  const std::string home = environment("HOME");
  if (home.empty()) throw Error(ErrorKind::data, "neither HONE_DATA nor HOME is set; expected a folder for data sets");
  return fs::path(home) / ".cache" / "hone";
}

fs::path dataset_folder(const DatasetInfo& info) { return datasets_folder() / info.name; }

bool is_complete(const DatasetInfo& info, const fs::path& folder) {
  return std::all_of(info.files.begin(), info.files.end(), [&](const DatasetFile& file) {
    std::error_code error;
    return fs::is_regular_file(folder / file.name, error) && fs::file_size(folder / file.name, error) == file.bytes;
  });
}

Dataset load_named_dataset(const DatasetInfo& info, LoadOptions options) {
  const fs::path folder = dataset_folder(info);
  if (!is_complete(info, folder))
    data_error(folder.string(),
               fmt::format("the data set '{0}' is missing or not complete; expected its {1} files (hone "
                           "datasets fetch {0} gets them)",
                           info.name, info.files.size()));
  if (options.classes.empty()) options.classes = info.classes;
  if (options.shape == Shape{}) options.shape = info.shape;
  Dataset dataset = load_dataset(info.format, folder, options);
  if (dataset.train.count != info.train || dataset.test.count != info.test)
    data_error(folder.string(), fmt::format("has {} training and {} test images; expected {} and {}",
                                            dataset.train.count, dataset.test.count, info.train, info.test));
  return dataset;
}

}  // namespace hone
