#include "trainer/config/option.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "trainer/config/suggest.hpp"

namespace hone {
namespace {

[[noreturn]] void fail(const YamlNode& node, const OptionSpec& spec, std::string_view path,
                       const std::string& hint = "") {
  throw Error(ErrorKind::config, node.where,
              std::string(path) + " is " + shown(node) + "; expected " + expected(spec) + hint);
}

constexpr double kMaxExact = 9007199254740992;  // 2^53: any JSON reader keeps an integer up to here

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

struct Number {
  bool integer = false;  // written as one
  double real = 0;       // infinite where it is too large
  std::int64_t whole = 0;
  bool fits = true;  // whole holds it
};

// A decimal number: digits, an optional fraction and exponent. No leading zeros (octal in YAML 1.1), no hexadecimal
// digits, no underscores, no .inf or .nan.
std::optional<Number> read_number(std::string_view text) {
  std::string_view rest = text;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) rest.remove_prefix(1);
  const std::string_view mantissa = rest.substr(0, rest.find_first_of("eE"));
  const std::string_view whole = mantissa.substr(0, mantissa.find('.'));
  const std::string_view fraction = whole.size() < mantissa.size() ? mantissa.substr(whole.size() + 1) : "";
  const bool has_exponent = mantissa.size() < rest.size();
  std::string_view exponent = has_exponent ? rest.substr(mantissa.size() + 1) : "0";
  if (!exponent.empty() && (exponent[0] == '+' || exponent[0] == '-')) exponent.remove_prefix(1);
  if (!all_digits(exponent) || (whole.empty() && fraction.empty()) || (!whole.empty() && !all_digits(whole)) ||
      (!fraction.empty() && !all_digits(fraction)) || (whole.size() > 1 && whole[0] == '0'))
    return std::nullopt;

  Number number;
  const std::string_view unsigned_plus = text[0] == '+' ? text.substr(1) : text;
  const char* const end = unsigned_plus.data() + unsigned_plus.size();
  number.integer = mantissa.size() == rest.size() && whole.size() == mantissa.size();
  if (number.integer) number.fits = std::from_chars(unsigned_plus.data(), end, number.whole).ec == std::errc();
  if (std::from_chars(unsigned_plus.data(), end, number.real).ec != std::errc())
    number.real = std::numeric_limits<double>::infinity();
  number.real += 0.0;  // -0 is 0
  return number;
}

std::optional<Number> read_number(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar || !node.plain) return std::nullopt;
  return read_number(node.text);
}

std::int64_t read_integer(const YamlNode& node, const OptionSpec& spec, std::string_view path) {
  const auto number = read_number(node);
  if (!number || !number->integer) {
    const bool looks_like_one = node.kind == YamlNode::Kind::scalar && node.plain && !node.text.empty() &&
                                is_digit(node.text[node.text[0] == '-' || node.text[0] == '+' ? 1 : 0]);
    fail(node, spec, path, looks_like_one ? ", in decimal digits" : "");
  }
  const auto value = static_cast<double>(number->whole);
  if (!number->fits || value < spec.minimum || value > spec.maximum) fail(node, spec, path);
  return number->whole;
}

double read_real(const YamlNode& node, const OptionSpec& spec, std::string_view path) {
  const auto number = read_number(node);
  if (!number || !std::isfinite(number->real) || number->real < spec.minimum || number->real > spec.maximum)
    fail(node, spec, path);
  return number->real;
}

Pair read_pair(const YamlNode& node, const OptionSpec& spec, std::string_view path) {
  if (node.kind != YamlNode::Kind::sequence) {
    const std::int64_t n = read_integer(node, spec, path);
    return {n, n};
  }
  if (node.items.size() != 2)
    throw Error(ErrorKind::config, node.where,
                std::string(path) + " has " + std::to_string(node.items.size()) + " items; expected " + expected(spec));
  return {read_integer(node.items[0], spec, path), read_integer(node.items[1], spec, path)};
}

const std::string& read_text(const YamlNode& node, const OptionSpec& spec, std::string_view path) {
  if (node.kind != YamlNode::Kind::scalar || node.text.empty() || static_cast<double>(node.text.size()) > spec.maximum)
    fail(node, spec, path);
  for (const char c : node.text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) fail(node, spec, path, " without control characters");
  return node.text;
}

std::string range(const OptionSpec& spec, bool integer) {
  const auto number = [&](double value) {
    return integer ? std::to_string(static_cast<std::int64_t>(value)) : yaml_text(value);
  };
  if (spec.minimum == kAboveZero) return " greater than 0, at most " + number(spec.maximum);
  return " from " + number(spec.minimum) + " to " + number(spec.maximum);
}

bool is_plain_safe(std::string_view text) {
  constexpr std::array<std::string_view, 9> kReserved = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !(letter(text[0]) || text[0] == '_' || text[0] == '/')) return false;
  const bool plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '+';
  });
  return plain && std::none_of(kReserved.begin(), kReserved.end(),
                               [&](std::string_view word) { return edit_distance(word, text) == 0; });
}

}  // namespace

std::string expected(const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionKind::boolean:
      return "true or false";
    case OptionKind::integer:
      return "an integer" + range(spec, true);
    case OptionKind::real:
      return "a number" + range(spec, false);
    case OptionKind::choice:
      return (spec.choices.size() == 1 ? "" : "one of ") + joined(spec.choices);
    case OptionKind::pair:
      return "an integer or [h, w], each" + range(spec, true);
    case OptionKind::pair_or_choice:
      return joined(spec.choices) + ", an integer or [h, w], each" + range(spec, true);
    case OptionKind::text:
      return "a text of 1 to " + std::to_string(static_cast<std::int64_t>(spec.maximum)) + " bytes";
  }
  return "";
}

OptionValue read_option(const YamlNode& node, const OptionSpec& spec, std::string_view path) {
  const bool scalar = node.kind == YamlNode::Kind::scalar;
  const bool named =
      scalar && std::find(spec.choices.begin(), spec.choices.end(), std::string_view(node.text)) != spec.choices.end();
  switch (spec.kind) {
    case OptionKind::boolean:
      if (!scalar || !node.plain || (node.text != "true" && node.text != "false")) fail(node, spec, path);
      return node.text == "true";
    case OptionKind::integer:
      return read_integer(node, spec, path);
    case OptionKind::real:
      return read_real(node, spec, path);
    case OptionKind::choice:
      if (!named) fail(node, spec, path, scalar ? did_you_mean(node.text, spec.choices) : "");
      return node.text;
    case OptionKind::pair:
      return read_pair(node, spec, path);
    case OptionKind::pair_or_choice:
      if (named) return node.text;
      if (scalar && !read_number(node)) fail(node, spec, path, did_you_mean(node.text, spec.choices));
      return read_pair(node, spec, path);
    case OptionKind::text:
      return read_text(node, spec, path);
  }
  throw Error(ErrorKind::internal, "an option of an unknown kind");
}

OptionValue read_scalar(const YamlNode& node, std::string_view path, double max_bytes) {
  if (node.kind != YamlNode::Kind::scalar)
    throw Error(ErrorKind::config, node.where,
                std::string(path) + " is " + shown(node) + "; expected true, false, a number or a text");
  if (node.plain && (node.text == "true" || node.text == "false")) return node.text == "true";
  if (const auto number = read_number(node)) {
    const bool fits = number->integer ? number->fits && std::abs(number->real) <= kMaxExact
                                      : std::abs(number->real) <= std::numeric_limits<double>::max();
    if (!fits)
      throw Error(ErrorKind::config, node.where,
                  std::string(path) + " is " + shown(node) + "; expected a number that is less large");
    if (number->integer) return number->whole;
    return number->real;
  }
  const OptionSpec spec{.name = "", .kind = OptionKind::text, .fallback = "", .doc = "", .maximum = max_bytes};
  return read_text(node, spec, path);
}

OptionValue fallback_value(const OptionSpec& spec) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.plain = true;
  node.text = spec.fallback;
  return read_option(node, spec, spec.name);
}

std::string yaml_text(double value) {
  std::array<char, 64> digits;
  const double size = std::abs(value);
  const bool fixed = value == 0 || (size >= 1e-6 && size < 1e15);
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string text(digits.data(), end);
  // YAML 1.1 takes 1e-08 for a text, 1.0e-08 for a number.
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::string yaml_text(std::string_view text) {
  if (is_plain_safe(text)) return std::string(text);
  std::string line = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  return line + "\"";
}

std::string yaml_text(const OptionValue& value) {
  struct Writer {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return yaml_text(v); }
    std::string operator()(const std::string& v) const { return yaml_text(std::string_view(v)); }
    std::string operator()(const Pair& v) const {
      if (v[0] == v[1]) return std::to_string(v[0]);
      return "[" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + "]";
    }
  };
  return std::visit(Writer{}, value);
}

}  // namespace hone
