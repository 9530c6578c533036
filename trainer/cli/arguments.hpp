// The arguments of one command: declared, parsed, checked. Every mistake is an Error(usage).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/cli/command.hpp"

namespace hone {

class Arguments {
 public:
  explicit Arguments(const Command& command);
  ~Arguments();

  Arguments& flag(const std::string& name, const std::string& doc);
  // Takes a value: --name VALUE or --name=VALUE.
  Arguments& option(const std::string& name, const std::string& placeholder, const std::string& doc);
  // May be given again and again.
  Arguments& list(const std::string& name, const std::string& placeholder, const std::string& doc);

  // Adds --help. Gives false where help was asked for and shown. minimum .. maximum: how many plain arguments there
  // may be; `what` names them in the error.
  bool parse(std::span<const std::string> arguments, std::size_t minimum, std::size_t maximum, const std::string& what);

  const std::vector<std::string>& plain() const { return plain_; }
  bool has(const std::string& name) const;
  // Empty where it was not given.
  std::string text(const std::string& name) const;
  // Throws where a value that must be given is not.
  std::string required(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  // Nothing where it was not given; within [minimum, maximum].
  std::optional<std::int64_t> integer(const std::string& name, std::int64_t minimum, std::int64_t maximum) const;
  std::optional<double> real(const std::string& name, double minimum, double maximum) const;

 private:
  struct Impl;
  const Command& command_;
  std::unique_ptr<Impl> impl_;
  std::vector<std::string> plain_;
};

inline constexpr std::int64_t kMaxThreads = 1024;

}  // namespace hone
