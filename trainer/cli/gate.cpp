// hone gate: whether a run is good enough.
#include "trainer/run/gate.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/base/file.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/report/junit.hpp"

namespace hone {

extern const Command kGate;

namespace {

using nlohmann::ordered_json;

std::string text_of(const Verdict& verdict) {
  const std::string interval =
      verdict.interval ? fmt::format("{:.4f} to {:.4f}", verdict.interval->low, verdict.interval->high) : "unknown";
  const std::string value = verdict.value ? fmt::format("{:.4f}", *verdict.value) : "unknown";
  return fmt::format("{}  {}\ntarget    at least {}\n95 %      {}\n{}{}\n", verdict.metric, value, verdict.target,
                     interval, verdict.met ? "met" : "not met", verdict.met ? "" : ": " + verdict.reason);
}

ordered_json json_of(const Verdict& verdict) {
  ordered_json object = {{"metric", verdict.metric}, {"value", nullptr},    {"target", verdict.target},
                         {"met", verdict.met},       {"interval", nullptr}, {"reason", verdict.reason}};
  if (verdict.value) object["value"] = *verdict.value;
  if (verdict.interval) object["interval"] = {verdict.interval->low, verdict.interval->high};
  return object;
}

int run(std::span<const std::string> arguments) {
  Arguments args(kGate);
  args.option("at-least", "VALUE", "the target, in (0, 1] (default: the config's, else 0.80)")
      .option("junit", "FILE", "write the outcome as JUnit XML")
      .flag("json", "print one JSON object");
  if (!args.parse(arguments, 1, 1, "one run folder")) return 0;
  const std::optional<double> target = args.real("at-least", 1e-9, 1);
  const auto file = std::filesystem::path(args.plain()[0]) / "metrics.json";
  const Metrics metrics = read_metrics(file);
  const Verdict verdict = judge(metrics, target, file.string());
  const std::string text = text_of(verdict);
  if (args.has("junit")) {
    const std::string name =
        fmt::format("{}: {} at least {}", metrics.name.value_or("model"), verdict.metric, verdict.target);
    write_file_atomically(args.text("junit"), junit_xml({"hone.gate", name, verdict.met ? "" : verdict.reason, text}));
  }
  print(args.has("json") ? json_of(verdict).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n" : text);
  return verdict.met ? 0 : kNotMet;
}

}  // namespace

const Command kGate = {"gate", "RUN [--at-least 0.80] [--junit FILE]",
                       "whether a run is good enough: 0 met, 10 not met", run};

}  // namespace hone
