// hone search: train, gate, tweak, retrain.
#include "trainer/tweak/search.hpp"

#include <filesystem>

#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/report/page.hpp"

namespace hone {

extern const Command kSearch;

namespace {

int run(std::span<const std::string> arguments) {
  Arguments args(kSearch);
  args.option("out", "DIR", "the folder for the trials; a search that was stopped goes on")
      .option("minutes", "M", "most time to spend (default: the config's tweak.minutes)")
      .option("trials", "N", "most candidates to train (default: the config's tweak.trials)")
      .option("target", "V", "accuracy to reach, in (0, 1] (default: the config's target)")
      .option("threads", "N", "threads to use (default: all that the process may use)")
      .list("set", "KEY=VALUE", "change a value of the config; may be repeated")
      .flag("json", "print one JSON object")
      .flag("quiet", "no progress");
  if (!args.parse(arguments, 1, 1, "one config")) return 0;
  SearchOptions options;
  options.out = args.required("out");
  options.threads = static_cast<int>(args.integer("threads", 1, kMaxThreads).value_or(0));
  options.quiet = args.has("quiet");
  const auto minutes = args.real("minutes", 1e-6, 525600);
  const auto trials = args.integer("trials", 1, 10000);
  const auto target = args.real("target", 1e-9, 1);

  Config config = load_config(args.plain()[0], args.texts("set"));
  if (minutes) config.tweak.minutes = *minutes;
  if (trials) config.tweak.trials = *trials;
  if (target) config.target.at_least = *target;
  const SearchResult result = search(config, options);
  const std::filesystem::path page = options.out / kReportFile;
  if (!result.untouched || !std::filesystem::exists(page)) write_report_page(options.out);
  print(args.has("json") ? result.json : search_summary(result.json, options.out) + "report: " + page.string() + "\n");
  return result.met ? 0 : kNotMet;
}

}  // namespace

const Command kSearch = {"search", "CONFIG --out DIR [--minutes M] [--trials N] [--target V]",
                         "train, gate, tweak and retrain until the target is met", run};

}  // namespace hone
