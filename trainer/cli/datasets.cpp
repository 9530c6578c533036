// hone datasets: data sets by name.
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/data/catalog.hpp"
#include "engine/data/normalize.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/config/suggest.hpp"
#include "trainer/run/data.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {

extern const Command kDatasets;

namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

// A folder with what datasets/ of the source tree holds, gone at the end.
class ShippedFolder {
 public:
  ShippedFolder() {
    std::string name = (fs::temp_directory_path() / "hone-datasets.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Error(ErrorKind::io, Location{name}, std::string("cannot be created: ") + std::strerror(errno));
    path_ = name;
    write_dataset_files(path_);
  }
  ~ShippedFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ShippedFolder(const ShippedFolder&) = delete;
  ShippedFolder& operator=(const ShippedFolder&) = delete;

  std::string script() const { return (path_ / "fetch").string(); }

 private:
  fs::path path_;
};

const DatasetInfo& known(const std::string& name, ErrorKind kind) {
  if (const DatasetInfo* info = find_dataset(name)) return *info;
  std::vector<std::string_view> names;
  for (const DatasetInfo& info : dataset_catalog()) names.push_back(info.name);
  throw Error(kind, "unknown data set '" + name + "'; expected one of " + joined(names) + did_you_mean(name, names));
}

ordered_json json_of(const DatasetInfo& info) {
  const fs::path folder = dataset_folder(info);
  return {{"name", info.name},         {"title", info.title},
          {"format", info.format},     {"shape", {info.shape.c, info.shape.h, info.shape.w}},
          {"train", info.train},       {"test", info.test},
          {"classes", info.classes},   {"licence", info.licence},
          {"homepage", info.homepage}, {"note", info.note},
          {"folder", folder.string()}, {"complete", is_complete(info, folder)}};
}

int list(bool json) {
  ordered_json all = ordered_json::array();
  std::string text;
  for (const DatasetInfo& info : dataset_catalog()) {
    const ordered_json object = json_of(info);
    text += fmt::format("{:<14} {:<14} {:>7} + {:<7} {:<10} {}\n", info.name, to_string(info.shape),
                        with_commas(info.train), with_commas(info.test),
                        object["complete"].get<bool>() ? "there" : "not there", info.title);
    all.push_back(object);
  }
  print(json ? ordered_json{{"datasets", all}}.dump(2) + "\n" : text);
  return 0;
}

// The script prints the folder; its exit codes are those of this program.
int fetch(const std::string& name) {
  known(name, ErrorKind::usage);
  const char* own = std::getenv("HONE_DATASETS_FETCH");
  const ShippedFolder shipped;
  const std::string script = own != nullptr && *own != '\0' ? own : shipped.script();
  const StopSignals signals;  // the script gets them as well and cleans up; so does this process
  const pid_t child = ::fork();
  if (child < 0) throw Error(ErrorKind::internal, std::string("cannot start a process: ") + std::strerror(errno));
  if (child == 0) {
    ::execlp("bash", "bash", script.c_str(), name.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  throw_if_stopped();
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  if (WEXITSTATUS(status) == 127) throw Error(ErrorKind::io, Location{script}, "bash can't run it");
  return WEXITSTATUS(status);
}

int describe_name(const std::string& name, bool json) {
  const DatasetInfo& info = known(name, ErrorKind::usage);
  const ordered_json object = json_of(info);
  if (json) {
    print(object.dump(2) + "\n");
    return 0;
  }
  std::string classes;
  for (const std::string& label : info.classes) classes += " " + label;
  print(
      fmt::format("{}: {}\nformat    {}\nimages    {} of {} for training, {} for testing\nclasses  {}\nlicence   {}\n"
                  "homepage  {}\nfolder    {} ({})\n{}",
                  info.name, info.title, info.format, with_commas(info.train), to_string(info.shape),
                  with_commas(info.test), classes, info.licence, info.homepage, object["folder"].get<std::string>(),
                  object["complete"].get<bool>() ? "there" : "not there: hone datasets fetch " + info.name,
                  info.note.empty() ? "" : "note      " + info.note + "\n"));
  return 0;
}

std::vector<std::int64_t> class_counts(const Split& split, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (const std::int32_t label : split.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

int describe_config(const std::string& path, std::span<const std::string> sets, bool json) {
  Config config = load_config(path, sets);
  resolve_model(config);
  const Dataset data = load_data(config, nullptr);
  const auto statistics = channel_statistics(data.train, data.shape);
  ordered_json object = {{"shape", {data.shape.c, data.shape.h, data.shape.w}},
                         {"classes", data.classes},
                         {"train", class_counts(data.train, data.classes.size())},
                         {"validation", class_counts(data.validation, data.classes.size())},
                         {"test", class_counts(data.test, data.classes.size())},
                         {"unreadable", data.unreadable},
                         {"channels", ordered_json::array()}};
  std::string text =
      fmt::format("images    {}: {} for training, {} for validation, {} for testing\n", to_string(data.shape),
                  with_commas(data.train.count), with_commas(data.validation.count), with_commas(data.test.count));
  for (std::size_t c = 0; c < statistics.size(); ++c) {
    object["channels"].push_back({{"mean", statistics[c].mean}, {"deviation", statistics[c].deviation}});
    text += fmt::format("channel {} mean {:.4f}, deviation {:.4f} (bytes, training images)\n", c, statistics[c].mean,
                        statistics[c].deviation);
  }
  for (std::size_t k = 0; k < data.classes.size(); ++k)
    text += fmt::format("class {:<16} {:>7} {:>7} {:>7}\n", data.classes[k], object["train"][k].get<std::int64_t>(),
                        object["validation"][k].get<std::int64_t>(), object["test"][k].get<std::int64_t>());
  for (const std::string& file : data.unreadable) text += "left out: " + file + "\n";
  print(json ? object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n" : text);
  return 0;
}

int run(std::span<const std::string> arguments) {
  Arguments args(kDatasets);
  args.list("set", "KEY=VALUE", "change a value of the config that is described").flag("json", "print one JSON object");
  if (!args.parse(arguments, 1, 2, "list, fetch NAME, or describe NAME or CONFIG")) return 0;
  constexpr std::array<std::string_view, 3> kWhat = {"list", "fetch", "describe"};
  const std::string& what = args.plain()[0];
  if (std::find(kWhat.begin(), kWhat.end(), what) == kWhat.end())
    throw Error(ErrorKind::usage, "'" + what + "' is nothing to do with data sets; expected one of " + joined(kWhat) +
                                      did_you_mean(what, kWhat));
  const bool takes_name = what != "list";
  if (takes_name != (args.plain().size() == 2))
    throw Error(ErrorKind::usage, takes_name ? "a name is missing; expected hone datasets " + what + " NAME"
                                             : "unexpected argument '" + args.plain()[1] + "'");
  if (!takes_name) return list(args.has("json"));
  const std::string& name = args.plain()[1];
  if (what == "fetch") return fetch(name);
  const bool is_config = name.find('/') != std::string::npos || name.find('.') != std::string::npos;
  return is_config ? describe_config(name, args.texts("set"), args.has("json")) : describe_name(name, args.has("json"));
}

}  // namespace

const Command kDatasets = {"datasets", "list | fetch NAME | describe NAME or CONFIG", "data sets by name", run};

}  // namespace hone
