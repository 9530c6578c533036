// hone tweak: the next candidate after the runs so far.
#include "trainer/tweak/tweak.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/file.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/run/progress.hpp"

namespace hone {

extern const Command kTweak;

namespace {

using nlohmann::ordered_json;

// What the command says, and for whom.
struct Answer {
  std::string best;                    // the run folder
  bool reached = false;                // then nothing else is proposed
  std::optional<Proposal> next;        // written to `config`
  std::string base, config, sentence;  // sentence: where nothing is proposed, why
};

int give(const Answer& answer, bool json) {
  ordered_json object = {{"best", answer.best}, {"reached", answer.reached}, {"rule", nullptr},
                         {"change", nullptr},   {"reason", answer.sentence}, {"base", nullptr},
                         {"config", nullptr}};
  if (answer.next) {
    object["rule"] = answer.next->rule;
    object["change"] = answer.next->change;
    object["reason"] = answer.next->reason;
    object["base"] = answer.base;
    object["config"] = answer.config;
  }
  print(json ? object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n" : answer.sentence + "\n");
  return answer.reached || answer.next ? 0 : kNotMet;
}

std::string reached_because(std::size_t best, const Rank& rank, double target) {
  if (best == 0) return fmt::format("the model as it is meets the target {} on the test split", percent(target));
  return fmt::format("the validation accuracy, {} after one standard error is taken off, reaches the target {}",
                     percent(rank.value), percent(target));
}

int run(std::span<const std::string> arguments) {
  Arguments args(kTweak);
  args.option("out", "CONFIG", "the config to write")
      .option("target", "V", "accuracy to reach, in (0, 1] (default: that of the first run's config)")
      .flag("json", "print one JSON object");
  constexpr std::size_t kMost = 10000;
  if (!args.parse(arguments, 1, kMost, "run folders")) return 0;
  const std::vector<std::string>& folders = args.plain();
  Answer answer;
  answer.config = args.required("out");
  const std::optional<double> asked = args.real("target", 1e-9, 1);
  std::vector<Trial> trials;
  for (const std::string& folder : folders) trials.push_back(read_trial(folder));
  const double target = asked.value_or(trials[0].config.target.at_least);
  for (Trial& trial : trials) trial.config.target.at_least = target;

  const std::vector<Rank> ranks = ranks_of(trials);
  const bool own_met = meets_on_test(read_metrics(std::filesystem::path(folders[0]) / "metrics.json"), target);
  const Standing now = standing(ranks, own_met, target);
  answer.best = folders[now.best];
  answer.reached = now.reached;
  if (now.reached) {
    answer.sentence = reached_because(now.best, ranks[now.best], target);
  } else if ((answer.next = next_candidate(trials))) {
    answer.base = folders[answer.next->base];
    answer.sentence = answer.next->sentence();
    write_file_atomically(answer.config, "# " + answer.sentence + "\n" + to_yaml(answer.next->config));
  } else {
    answer.sentence = "no candidate is left within tweak.allow and tweak.limits";
  }
  return give(answer, args.has("json"));
}

}  // namespace

const Command kTweak = {"tweak", "RUN... --out CONFIG [--target V]",
                        "diagnose the runs so far and write the next candidate", run};

}  // namespace hone
