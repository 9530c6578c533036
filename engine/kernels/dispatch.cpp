#include "engine/kernels/dispatch.hpp"

#include <algorithm>
#include <cstdlib>

#include "engine/base/error.hpp"
#include "engine/kernels/ref/reference_table.hpp"

namespace hone {
namespace {

struct Isa {
  std::string_view name;
  const KernelTable<float>& (*table)();
  bool (*supported)();
  std::string_view needs;
};

const KernelTable<float>& reference() {
  static const KernelTable<float> table = ref::reference_table<float, 1>();
  return table;
}

// Slowest first. A new set of kernels: one line here, one file in isa/.
constexpr Isa kIsas[] = {
    {"reference", reference, [] { return true; }, "any CPU"},
};

const Isa& find_isa(std::string_view name) {
  std::string known;
  for (const Isa& isa : kIsas) {
    if (isa.name == name) {
      if (!isa.supported())
        throw Error(ErrorKind::usage,
                    "HONE_ISA: this CPU cannot run '" + std::string(name) + "'; it needs " + std::string(isa.needs));
      return isa;
    }
    known += (known.empty() ? "" : ", ") + std::string(isa.name);
  }
  throw Error(ErrorKind::usage, "HONE_ISA: unknown '" + std::string(name) + "'; expected one of " + known);
}

IsaChoice choose() {
  if (const char* wanted = std::getenv("HONE_ISA"); wanted != nullptr && *wanted != '\0')
    return {std::string(find_isa(wanted).name), "asked for by HONE_ISA"};
  const auto best = std::find_if(std::rbegin(kIsas), std::rend(kIsas), [](const Isa& isa) { return isa.supported(); });
  return {std::string(best->name), "the fastest that this CPU has (" + std::string(best->needs) + ")"};
}

}  // namespace

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : kIsas)
    if (isa.supported()) names.push_back(isa.name);
  return names;
}

const IsaChoice& chosen_isa() {
  static const IsaChoice choice = choose();
  return choice;
}

template <>
const KernelTable<float>& kernel_table<float>(std::string_view isa) {
  return find_isa(isa.empty() ? std::string_view(chosen_isa().name) : isa).table();
}

template <>
const KernelTable<double>& kernel_table<double>(std::string_view) {
  static const KernelTable<double> table = ref::reference_table<double, 1>();
  return table;
}

}  // namespace hone
