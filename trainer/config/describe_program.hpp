// Every key of a config that describes a program, for the visitors of describe.hpp. Beyond those functions a visitor
// has
//   texts(const Key&, most, vector<string>&)       a list of at least one text
//   scalars(const Key&, most, vector<OptionValue>&)  a list of at least one truth value, number or text, none twice
//   scalar(const Key&, optional<OptionValue>&)     one of them, or absent
//   parameters(const Key&, vector<Parameter>&)     a map of names to one of the kinds below; may be absent
#pragma once

#include "trainer/config/describe.hpp"
#include "trainer/config/program.hpp"

namespace hone {

inline constexpr std::size_t kMaxCommand = 100;
inline constexpr std::size_t kMaxParameters = 64;
inline constexpr std::size_t kMaxValues = 100;
inline constexpr std::size_t kMaxParameterNameBytes = 64;
inline constexpr double kMaxReal = 1e15;

// A parameter as it is written; `type` says which of these it is.
template <class T>
struct RangeOf {
  std::string type;
  T low{}, high{};
  bool log = false;
  std::optional<T> preferred;
};
struct Choice {
  std::string type;
  std::vector<OptionValue> values;
  std::optional<OptionValue> preferred;
};

inline constexpr std::array<std::string_view, 3> kParameterTypes = {"int", "real", "choice"};

template <class V>
void describe_type(V& v, ParameterKind kind, std::string& type) {
  v.option({.name = "type",
            .kind = OptionKind::choice,
            .fallback = "",
            .doc = "what its values are",
            .choices = std::span(kParameterTypes).subspan(static_cast<std::size_t>(kind), 1)},
           type);
}

template <class V, class T>
void describe(V& v, RangeOf<T>& c) {
  constexpr bool whole = std::is_same_v<T, std::int64_t>;
  constexpr double most = whole ? kMaxSeed : kMaxReal;
  const auto bound = [&](std::string_view name, std::string_view doc, bool optional, auto& value) {
    v.option({.name = name,
              .kind = whole ? OptionKind::integer : OptionKind::real,
              .fallback = "",
              .doc = doc,
              .minimum = -most,
              .maximum = most,
              .optional = optional},
             value);
  };
  describe_type(v, whole ? ParameterKind::integer : ParameterKind::real, c.type);
  bound("low", "the least value", false, c.low);
  bound("high", "the greatest value", false, c.high);
  v.option({.name = "log",
            .kind = OptionKind::boolean,
            .fallback = "false",
            .doc = "steps are ratios, not differences; low is above 0"},
           c.log);
  bound("default", "what is tried first; default: the middle", true, c.preferred);
}

template <class V>
void describe(V& v, Choice& c) {
  describe_type(v, ParameterKind::choice, c.type);
  v.scalars({.name = "values", .doc = "what there is to choose from", .required = true}, kMaxValues, c.values);
  v.scalar({"default", "what is tried first; default: the first of values"}, c.preferred);
}

template <class V>
void describe(V& v, ProgramSpec& c) {
  v.texts({.name = "command", .doc = "program and arguments, run without a shell", .required = true}, kMaxCommand,
          c.command);
  v.option({.name = "dataset",
            .kind = OptionKind::text,
            .fallback = "",
            .doc = "a data set by name that is there before the program starts",
            .maximum = kMaxNameBytes,
            .optional = true},
           c.dataset);
  v.parameters({"parameters", "what a tweak may change, by name"}, c.parameters);
}

template <class V>
void describe(V& v, ProgramTweakConfig& c) {
  describe_budget(v, c);
}

template <class V>
void describe(V& v, ProgramConfig& c) {
  describe_identity(v, c);
  v.section({.name = "program", .doc = "a program of one's own instead of a model", .required = true}, c.program);
  v.section({"target", "what accuracy is good enough"}, c.target);
  v.section({"tweak", "what a search may spend"}, c.tweak);
}

}  // namespace hone
