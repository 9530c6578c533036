// The data sets that are known by name. Their descriptions (datasets/*.yaml) are part of the library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/shape.hpp"
#include "engine/data/dataset.hpp"

namespace hone {

// A file of datasets/ as it was when the library was built.
struct ShippedFile {
  std::string_view name;
  std::string_view text;
};

struct DatasetFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

// What a description says; datasets/README.md explains the keys.
struct DatasetInfo {
  std::string name, title, format, licence, homepage, note;
  Shape shape;
  std::int64_t train = 0, test = 0;  // images
  std::vector<std::string> classes;
  std::vector<DatasetFile> files;
  std::vector<std::string> sources;
};

std::span<const ShippedFile> shipped_dataset_files();
// Writes them to an existing folder, the script executable: `bash FOLDER/fetch NAME` then works as in the source tree.
void write_dataset_files(const std::filesystem::path& folder);

// Throws Error(data) at the line that is not as the format wants it.
DatasetInfo parse_dataset_info(std::string_view text, const std::string& file);

// Sorted by name.
const std::vector<DatasetInfo>& dataset_catalog();
// nullptr where there is none of that name.
const DatasetInfo* find_dataset(std::string_view name);

// $HONE_DATA, else $XDG_CACHE_HOME/hone, else ~/.cache/hone; and a set's folder in it.
std::filesystem::path datasets_folder();
std::filesystem::path dataset_folder(const DatasetInfo& info);

// Every file is there with its size. (Checksums are what `fetch` looks at.)
bool is_complete(const DatasetInfo& info, const std::filesystem::path& folder);

// Loads it from its folder and holds it against its description. Where it is not complete, the error says how to get
// it.
Dataset load_named_dataset(const DatasetInfo& info, LoadOptions options = {});

}  // namespace hone
