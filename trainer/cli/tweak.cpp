// hone tweak: the next candidate after the runs so far.
#include "trainer/tweak/tweak.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/file.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/dump.hpp"
#include "trainer/config/loader.hpp"
#include "trainer/run/progress.hpp"
#include "trainer/tweak/program.hpp"

namespace hone {

extern const Command kTweak;

namespace {

using nlohmann::ordered_json;

// What the command says.
struct Answer {
  std::string best;          // the run folder; empty where there is none
  bool reached = false;      // then nothing else is proposed
  std::optional<Step> next;  // written to `config`
  std::string base, config;
  std::string sentence;  // of next; where nothing is proposed, why
};

ordered_json json_of(const Answer& answer) {
  ordered_json object = {{"best", nullptr},   {"reached", answer.reached}, {"rule", nullptr},
                         {"change", nullptr}, {"reason", answer.sentence}, {"base", nullptr},
                         {"config", nullptr}};
  if (!answer.best.empty()) object["best"] = answer.best;
  if (!answer.next) return object;
  object["rule"] = answer.next->rule;
  object["change"] = answer.next->change;
  object["reason"] = answer.next->reason;
  if (!answer.base.empty()) object["base"] = answer.base;
  object["config"] = answer.config;
  return object;
}

// Where the runs stand; what: the accuracy that they are ranked by.
void judge_runs(std::span<const std::string> folders, std::span<const Rank> ranks, double target, const char* what,
                Answer& answer) {
  const bool own_met = meets_on_test(read_metrics(std::filesystem::path(folders[0]) / "metrics.json"), target);
  const Standing now = standing(ranks, own_met, target);
  answer.best = folders[now.best];
  answer.reached = now.reached;
  if (own_met)
    answer.sentence = fmt::format("the model as it is meets the target {} on the test split", percent(target));
  else if (now.reached)
    answer.sentence = fmt::format("the {}, at least {} with one standard error taken off, reaches the target {}", what,
                                  percent(ranks[now.best].value), percent(target));
}

// Takes what is next, or says that nothing is; `text` is what to write for it.
template <class Proposed, class Text>
void take(const std::optional<Proposed>& next, std::span<const std::string> folders, const char* limits, Text text,
          Answer& answer) {
  if (!next) {
    answer.sentence = std::string("no candidate is left within ") + limits;
    return;
  }
  answer.next = *next;
  answer.sentence = next->sentence();
  if (!folders.empty()) answer.base = folders[next->base];
  write_file_atomically(answer.config, text(*next));
}

void tweak_models(std::span<const std::string> folders, std::optional<double> asked, Answer& answer) {
  std::vector<Trial> trials;
  for (const std::string& folder : folders) trials.push_back(read_trial(folder));
  const double target = asked.value_or(trials[0].config.target.at_least);
  for (Trial& trial : trials) trial.config.target.at_least = target;
  judge_runs(folders, ranks_of(trials), target, "validation accuracy", answer);
  if (answer.reached) return;
  take(
      next_candidate(trials), folders, "tweak.allow and tweak.limits",
      [](const Proposal& next) { return "# " + next.sentence() + "\n" + to_yaml(next.config); }, answer);
}

void tweak_program(const std::string& file, std::span<const std::string> folders, std::optional<double> asked,
                   Answer& answer) {
  ProgramConfig config = load_program(file);
  if (asked) config.target.at_least = *asked;
  std::vector<ProgramTrial> trials;
  std::vector<Rank> ranks;
  for (const std::string& folder : folders) {
    trials.push_back(read_program_trial(config, folder));
    ranks.push_back(trials.back().rank);
  }
  if (!trials.empty()) {
    const bool validated = trials[best_of(ranks)].validated;
    judge_runs(folders, ranks, config.target.at_least,
               validated ? "validation accuracy" : "accuracy (there is no validation accuracy)", answer);
  }
  if (answer.reached) return;
  take(
      next_values(config, trials), folders, "the parameters' values",
      [&](const ValuesProposal& next) { return format_values(config, next.values); }, answer);
}

int run(std::span<const std::string> arguments) {
  Arguments args(kTweak);
  args.option("out", "CONFIG", "the config to write; of a program, its parameters as JSON")
      .option("program", "CONFIG", "the runs are those of a program, and RUN.json holds the parameters of each")
      .option("target", "V", "accuracy to reach, in (0, 1] (default: that of the first run's config)")
      .flag("json", "print one JSON object");
  constexpr std::size_t kMost = 10000;
  if (!args.parse(arguments, 0, kMost, "run folders")) return 0;
  Answer answer;
  answer.config = args.required("out");
  const std::optional<double> target = args.real("target", 1e-9, 1);
  if (args.has("program"))
    tweak_program(args.required("program"), args.plain(), target, answer);
  else if (args.plain().empty())
    throw Error(ErrorKind::usage, "hone tweak: no run folder is given; expected at least one");
  else
    tweak_models(args.plain(), target, answer);
  print(args.has("json") ? json_of(answer).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"
                         : answer.sentence + "\n");
  return answer.reached || answer.next ? 0 : kNotMet;
}

}  // namespace

const Command kTweak = {"tweak", "RUN... --out CONFIG [--target V] [--program CONFIG]",
                        "diagnose the runs so far and write the next candidate", run};

}  // namespace hone
