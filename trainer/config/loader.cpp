#include "trainer/config/loader.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "trainer/config/check.hpp"
#include "trainer/config/override.hpp"
#include "trainer/config/reader.hpp"

namespace hone {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const Location& where, const std::string& message) {
  throw Error(ErrorKind::config, where, message);
}

// At most one byte more than a config may have: enough for parse_yaml to refuse it.
std::string read_file(const std::string& path) {
  const Location where{path, 0, 0};
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) fail(where, "a folder; expected a config file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxYamlBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    fail(where,
         std::string("cannot be read (") + std::strerror(errno != 0 ? errno : EIO) + "); expected a config file");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

void refuse_program(const YamlNode& root) {
  const YamlEntry* program = root.find("program");
  if (program == nullptr) return;
  const bool both = root.find("model") != nullptr;
  fail(program->where, both ? "both 'program' and 'model'; expected one of them"
                            : "'program' describes a Python program, which hone can't train; expected 'model'");
}

// The file's name without its ending, as far as it can be a name.
std::string default_name(const std::string& file) {
  std::string name = fs::path(file).stem().string().substr(0, static_cast<std::size_t>(kMaxNameBytes));
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '_';
  return name.empty() ? "model" : name;
}

// A path that a config names, links resolved, must lie below HONE_DATA_ROOT where that is set. Where named data sets
// lie is no choice of the config.
void check_data_root(const std::string& path, const Location& where) {
  const char* root = std::getenv("HONE_DATA_ROOT");
  if (root == nullptr || *root == '\0') return;
  std::error_code error;
  const fs::path inside = fs::canonical(root, error);
  if (error) fail(where, "HONE_DATA_ROOT is " + in_quotes(root) + ", which is not there; expected a folder");
  const fs::path real = fs::weakly_canonical(path, error);
  const auto [end, ignored] = std::mismatch(inside.begin(), inside.end(), real.begin(), real.end());
  if (error || end != inside.end())
    fail(where,
         "the path " + in_quotes(path) + " is outside of HONE_DATA_ROOT; expected a path below " + in_quotes(root));
}

void place_data(const YamlNode& root, const std::string& file, DataConfig& data) {
  const YamlEntry* section = root.find("data");
  for (const char* key : {"format", "path", "dataset"})
    if (const YamlEntry* entry = section->value.find(key)) data.where = entry->value.where;
  if (data.path.empty()) return;
  data.path = (fs::absolute(file).parent_path() / data.path).lexically_normal().string();
  check_data_root(data.path, data.where);
}

}  // namespace

Config parse_config(std::string_view text, const std::string& file, std::span<const std::string> sets) {
  YamlNode root = parse_yaml(text, file);
  if (root.where.line == 0) root.where = {file, 1, 1};
  for (const std::string& assignment : sets) apply_override(root, assignment);
  if (root.kind == YamlNode::Kind::null)
    fail(root.where, "the config is empty; expected a map with 'data' and 'model'");
  refuse_program(root);

  Config config;
  Reader(&root, "", root.where).read(config);
  config.source = text;
  if (config.name.empty()) config.name = default_name(file);
  place_data(root, file, config.data);
  check(config);
  return config;
}

Config load_config(const std::string& path, std::span<const std::string> sets) {
  return parse_config(read_file(path), path, sets);
}

}  // namespace hone
