// hone info: version, kernels chosen and why, threads, caches.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/base/parallel.hpp"
#include "engine/kernels/dispatch.hpp"
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/run/version.hpp"

namespace hone {

extern const Command kInfo;

namespace {

using nlohmann::ordered_json;

// 0: the system does not tell.
std::int64_t cache_bytes(int name) { return std::max<std::int64_t>(::sysconf(name), 0); }

ordered_json collect() {
  const IsaChoice& isa = chosen_isa();
  ordered_json isas = ordered_json::array();
  for (const std::string_view name : available_isas()) isas.push_back(std::string(name));
  return {{"version", kVersion},
          {"isa", isa.name},
          {"isa_reason", isa.reason},
          {"isas", std::move(isas)},
          {"threads", available_threads()},
          {"l1d_bytes", cache_bytes(_SC_LEVEL1_DCACHE_SIZE)},
          {"l2_bytes", cache_bytes(_SC_LEVEL2_CACHE_SIZE)},
          {"l3_bytes", cache_bytes(_SC_LEVEL3_CACHE_SIZE)}};
}

int run(std::span<const std::string> arguments) {
  Arguments args(kInfo);
  args.flag("json", "print one JSON object");
  if (!args.parse(arguments, 0, 0, "no argument")) return 0;
  const ordered_json info = collect();
  if (args.has("json")) {
    print(info.dump(2) + "\n");
    return 0;
  }
  std::string isas;
  for (const auto& name : info["isas"]) isas += " " + name.get<std::string>();
  const auto kib = [&](const char* key) {
    const auto bytes = info[key].get<std::int64_t>();
    return bytes > 0 ? fmt::format("{} KiB", bytes / 1024) : "unknown";
  };
  print(
      fmt::format("version  {}\nkernels  {} ({})\n         this machine can run:{}\nthreads  {}\n"
                  "caches   L1 data {}, L2 {}, L3 {}\n",
                  kVersion, info["isa"].get<std::string>(), info["isa_reason"].get<std::string>(), isas,
                  info["threads"].get<int>(), kib("l1d_bytes"), kib("l2_bytes"), kib("l3_bytes")));
  return 0;
}

}  // namespace

const Command kInfo = {"info", "", "version, kernels chosen and why, threads, caches", run};

}  // namespace hone
