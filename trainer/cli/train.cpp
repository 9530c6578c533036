// hone train: trains what a config describes.
#include "trainer/run/train.hpp"

#include <filesystem>

#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/report/page.hpp"
#include "trainer/run/stop_signal.hpp"

namespace hone {

extern const Command kTrain;

namespace {

int run(std::span<const std::string> arguments) {
  Arguments args(kTrain);
  args.option("out", "RUN", "the run folder to write")
      .flag("resume", "go on with the run in that folder; start where there is none")
      .option("init-from", "CKPT", "start with the weights of a checkpoint")
      .flag("no-test", "leave the test split for later: --resume without this flag measures it")
      .option("threads", "N", "threads to use (default: all that the process may use)")
      .list("set", "KEY=VALUE", "change a value of the config; may be repeated")
      .flag("json", "print the metrics as JSON")
      .flag("quiet", "no progress");
  if (!args.parse(arguments, 1, 1, "one config")) return 0;
  TrainOptions options;
  options.out = args.required("out");
  options.resume = args.has("resume");
  options.init_from = args.text("init-from");
  options.threads = static_cast<int>(args.integer("threads", 1, kMaxThreads).value_or(0));
  options.quiet = args.has("quiet");
  options.test = !args.has("no-test");

  const Config config = load_config(args.plain()[0], args.texts("set"));
  const TrainResult result = train(config, options);
  if (result.signal != 0) throw Stopped{result.signal};
  // A run that had ended before has its page, unless it was killed just before.
  if (!result.untouched || !std::filesystem::exists(options.out / kReportFile)) write_report_page(options.out);
  if (result.metrics.status == RunStatus::diverged)
    throw Error(ErrorKind::diverged, Location{options.out.string()},
                result.message + "; expected finite values, try a lower learning rate");
  if (args.has("json")) print(format_metrics(result.metrics));
  return 0;
}

}  // namespace

const Command kTrain = {"train",
                        "CONFIG --out RUN [--resume] [--init-from CKPT] [--no-test] [--threads N] [--set a.b=v]...",
                        "train what a config describes", run};

}  // namespace hone
