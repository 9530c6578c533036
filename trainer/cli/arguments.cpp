#include "trainer/cli/arguments.hpp"

// Values are taken whole: a --set may hold a list.
#define CXXOPTS_VECTOR_DELIMITER '\0'
// std::regex would take half of the time to compile, and some of each start.
#define CXXOPTS_NO_REGEX true
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cxxopts.hpp>

#include "engine/base/error.hpp"
#include "trainer/cli/output.hpp"
#include "trainer/config/suggest.hpp"

namespace hone {
namespace {

template <class T>
std::optional<T> number(const std::string& name, const std::string& text, T minimum, T maximum, const char* kind) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= minimum && value <= maximum))
    throw Error(ErrorKind::usage,
                fmt::format("--{} is '{}'; expected {} from {} to {}", name, text, kind, minimum, maximum));
  return value;
}

}  // namespace

struct Arguments::Impl {
  explicit Impl(const Command& command) : options("hone " + std::string(command.name), std::string(command.doc)) {
    options.custom_help(std::string(command.usage)).positional_help("");
  }

  cxxopts::Options options;
  std::vector<std::string> names;
  cxxopts::ParseResult result;
};

Arguments::Arguments(const Command& command) : command_(command), impl_(std::make_unique<Impl>(command)) {}
Arguments::~Arguments() = default;

Arguments& Arguments::flag(const std::string& name, const std::string& doc) {
  impl_->options.add_options()(name, doc);
  impl_->names.push_back("--" + name);
  return *this;
}

Arguments& Arguments::option(const std::string& name, const std::string& placeholder, const std::string& doc) {
  impl_->options.add_options()(name, doc, cxxopts::value<std::string>(), placeholder);
  impl_->names.push_back("--" + name);
  return *this;
}

Arguments& Arguments::list(const std::string& name, const std::string& placeholder, const std::string& doc) {
  impl_->options.add_options()(name, doc, cxxopts::value<std::vector<std::string>>(), placeholder);
  impl_->names.push_back("--" + name);
  return *this;
}

bool Arguments::parse(std::span<const std::string> arguments, std::size_t minimum, std::size_t maximum,
                      const std::string& what) {
  impl_->options.add_options()("h,help", "show this");
  impl_->options.add_options("plain")("plain", "", cxxopts::value<std::vector<std::string>>());
  impl_->options.parse_positional("plain");
  impl_->options.allow_unrecognised_options();
  impl_->names.push_back("--help");

  std::vector<const char*> argv = {"hone"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  try {
    impl_->result = impl_->options.parse(static_cast<int>(argv.size()), argv.data());
  } catch (const cxxopts::exceptions::exception& error) {
    throw Error(ErrorKind::usage, std::string(error.what()) + "; see hone " + std::string(command_.name) + " --help");
  }
  if (impl_->result.count("help") > 0) {
    print(impl_->options.help({""}));
    return false;
  }
  for (const std::string& unknown : impl_->result.unmatched()) {
    const std::string name = unknown.substr(0, unknown.find('='));
    const std::vector<std::string_view> known(impl_->names.begin(), impl_->names.end());
    throw Error(ErrorKind::usage, "unknown option '" + name + "'" + did_you_mean(name, known) + "; see hone " +
                                      std::string(command_.name) + " --help");
  }
  if (impl_->result.count("plain") > 0) plain_ = impl_->result["plain"].as<std::vector<std::string>>();
  if (plain_.size() < minimum || plain_.size() > maximum)
    throw Error(ErrorKind::usage,
                (plain_.size() < minimum ? "an argument is missing" : "unexpected argument '" + plain_.back() + "'") +
                    "; expected " + what + ": hone " + std::string(command_.name) + " " + std::string(command_.usage));
  return true;
}

bool Arguments::has(const std::string& name) const { return impl_->result.count(name) > 0; }

std::string Arguments::text(const std::string& name) const {
  return has(name) ? impl_->result[name].as<std::string>() : std::string();
}

std::string Arguments::required(const std::string& name) const {
  std::string value = text(name);
  if (value.empty())
    throw Error(ErrorKind::usage, "--" + name + " is missing; expected hone " + std::string(command_.name) + " " +
                                      std::string(command_.usage));
  return value;
}

std::vector<std::string> Arguments::texts(const std::string& name) const {
  return has(name) ? impl_->result[name].as<std::vector<std::string>>() : std::vector<std::string>();
}

std::optional<std::int64_t> Arguments::integer(const std::string& name, std::int64_t minimum,
                                               std::int64_t maximum) const {
  if (!has(name)) return std::nullopt;
  return number<std::int64_t>(name, text(name), minimum, maximum, "an integer");
}

std::optional<double> Arguments::real(const std::string& name, double minimum, double maximum) const {
  if (!has(name)) return std::nullopt;
  return number<double>(name, text(name), minimum, maximum, "a number");
}

}  // namespace hone
