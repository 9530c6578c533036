// hone schema: JSON Schema of a config.
#include "trainer/cli/arguments.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/json_schema.hpp"

namespace hone {

extern const Command kSchema;

namespace {

int run(std::span<const std::string> arguments) {
  Arguments args(kSchema);
  args.flag("json", "no change: it is JSON already");
  if (args.parse(arguments, 0, 0, "no argument")) print(json_schema());
  return 0;
}

}  // namespace

const Command kSchema = {"schema", "", "JSON Schema of a config", run};

}  // namespace hone
