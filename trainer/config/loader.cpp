#include "trainer/config/loader.hpp"

#include <array>
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
  if (!file.is_open() || file.bad()) {
    const int error = errno != 0 ? errno : EIO;
    throw Error(error == ENOENT || error == ENOTDIR ? ErrorKind::config : ErrorKind::io, where,
                std::string("cannot be read (") + std::strerror(error) + "); expected a config file");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// Refuses a config of the other kind, and one of both.
void expect_kind(const YamlNode& root, std::string_view kind) {
  const YamlEntry* program = root.find("program");
  const YamlEntry* model = root.find("model");
  if (program != nullptr && model != nullptr) fail(program->where, "both 'program' and 'model'; expected one of them");
  if (kind == "model" && program != nullptr)
    fail(program->where, "'program' describes a program, which hone can't train; expected 'model'");
  if (kind == "program" && model != nullptr)
    fail(model->where, "'model' describes a network, which is no program; expected 'program'");
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

void place_program(const YamlNode& root, ProgramSpec& program) {
  if (const YamlEntry* entry = root.find("program")->value.find("dataset")) program.where = entry->value.where;
}

YamlNode parse_root(std::string_view text, const std::string& file, std::span<const std::string> sets) {
  YamlNode root = parse_yaml(text, file);
  if (root.where.line == 0) root.where = {file, 1, 1};
  for (const std::string& assignment : sets) apply_override(root, assignment);
  return root;
}

template <class T>
T read(const YamlNode& root, std::string_view text, const std::string& file) {
  T config;
  Reader(&root, "", root.where).read(config);
  config.source = text;
  if (config.name.empty()) config.name = default_name(file);
  if constexpr (std::is_same_v<T, Config>)
    place_data(root, file, config.data);
  else
    place_program(root, config.program);
  check(config);
  return config;
}

Config model_of(const YamlNode& root, std::string_view text, const std::string& file) {
  if (root.kind == YamlNode::Kind::null)
    fail(root.where, "the config is empty; expected a map with 'data' and 'model'");
  expect_kind(root, "model");
  return read<Config>(root, text, file);
}

ProgramConfig program_of(const YamlNode& root, std::string_view text, const std::string& file) {
  if (root.kind == YamlNode::Kind::null) fail(root.where, "the config is empty; expected a map with 'program'");
  expect_kind(root, "program");
  return read<ProgramConfig>(root, text, file);
}

// At the key that was meant, where one is close.
[[noreturn]] void refuse_neither(const YamlNode& root) {
  constexpr std::array<std::string_view, 2> kKinds = {"model", "program"};
  const std::string message = "the config has neither 'model' nor 'program'; expected one of them";
  for (const YamlEntry& entry : root.entries)
    if (const std::string hint = did_you_mean(entry.key, kKinds); !hint.empty()) fail(entry.where, message + hint);
  fail(root.where, message);
}

}  // namespace

Config parse_config(std::string_view text, const std::string& file, std::span<const std::string> sets) {
  return model_of(parse_root(text, file, sets), text, file);
}

ProgramConfig parse_program(std::string_view text, const std::string& file, std::span<const std::string> sets) {
  return program_of(parse_root(text, file, sets), text, file);
}

Config load_config(const std::string& path, std::span<const std::string> sets) {
  return parse_config(read_file(path), path, sets);
}

ProgramConfig load_program(const std::string& path, std::span<const std::string> sets) {
  return parse_program(read_file(path), path, sets);
}

AnyConfig load_any_config(const std::string& path, std::span<const std::string> sets) {
  const std::string text = read_file(path);
  const YamlNode root = parse_root(text, path, sets);
  if (root.find("program") != nullptr) return program_of(root, text, path);
  if (root.find("model") == nullptr) refuse_neither(root);
  return model_of(root, text, path);
}

}  // namespace hone
