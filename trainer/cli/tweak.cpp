// hone tweak: the next candidate after the runs so far.
#include "trainer/tweak/tweak.hpp"

#include <nlohmann/json.hpp>

#include "engine/base/file.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/dump.hpp"

namespace hone {

extern const Command kTweak;

namespace {

using nlohmann::ordered_json;

int run(std::span<const std::string> arguments) {
  Arguments args(kTweak);
  args.option("out", "CONFIG", "the config to write").flag("json", "print one JSON object");
  constexpr std::size_t kMost = 10000;
  if (!args.parse(arguments, 1, kMost, "run folders")) return 0;
  const std::string out = args.required("out");
  std::vector<Trial> trials;
  for (const std::string& folder : args.plain()) trials.push_back(read_trial(folder));
  const std::optional<Proposal> next = next_candidate(trials);
  if (!next) {
    const std::string why = "no candidate is left within tweak.allow and tweak.limits";
    print(args.has("json") ? ordered_json{{"rule", nullptr}, {"reason", why}}.dump(2) + "\n" : why + "\n");
    return kNotMet;
  }
  write_file_atomically(out, "# " + next->sentence() + "\n" + to_yaml(next->config));
  const ordered_json object = {{"rule", next->rule},
                               {"change", next->change},
                               {"reason", next->reason},
                               {"base", args.plain()[next->base]},
                               {"config", out}};
  print(args.has("json") ? object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"
                         : next->sentence() + "\n");
  return 0;
}

}  // namespace

const Command kTweak = {"tweak", "RUN... --out CONFIG", "diagnose the runs so far and write the next candidate", run};

}  // namespace hone
