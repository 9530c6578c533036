#include "trainer/config/yaml_document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace hone {
namespace {

// The text's lines, and the places in it that errors name. Columns count characters, yaml-cpp's count bytes.
class Source {
 public:
  Source(std::string_view text, Location base, bool lines) : text_(text), base_(std::move(base)), lines_(lines) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
    if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return;
    continuations_.assign(1, 0);
    for (const char c : text)
      continuations_.push_back(continuations_.back() + ((static_cast<unsigned char>(c) & 0xC0) == 0x80 ? 1 : 0));
  }

  Location at(const YAML::Mark& mark) const { return at_offset(offset(mark)); }

  Location at_offset(std::size_t offset) const {
    if (!lines_) return base_;
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const std::size_t start = *(next - 1);
    std::size_t column = offset - start;
    if (!continuations_.empty()) column -= continuations_[offset] - continuations_[start];
    return {base_.file, static_cast<int>(next - starts_.begin()), static_cast<int>(column) + 1};
  }

  char byte_at(const YAML::Mark& mark) const {
    const std::size_t at = offset(mark);
    return at < text_.size() ? text_[at] : '\0';
  }

  // yaml-cpp places a value that is not there at whatever comes next: is there one?
  bool is_null_word(const YAML::Mark& mark) const {
    const std::string_view rest = text_.substr(offset(mark), 4);
    return rest == "null" || rest == "Null" || rest == "NULL" || rest.substr(0, 1) == "~";
  }

  // The last character before the mark that is no space: the '-' of an empty item.
  Location before(const YAML::Mark& mark) const {
    const std::size_t at = offset(mark);
    const std::size_t last = at == 0 ? std::string_view::npos : text_.find_last_not_of(" \t\r\n", at - 1);
    return at_offset(last == std::string_view::npos ? at : last);
  }

  [[noreturn]] void fail(const Location& where, const std::string& message) const {
    throw Error(ErrorKind::config, where, message);
  }

 private:
  std::size_t offset(const YAML::Mark& mark) const {
    if (mark.line < 0 || mark.column < 0) return 0;
    const auto line = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
    return std::min(starts_[line] + static_cast<std::size_t>(mark.column), text_.size());
  }

  std::string_view text_;
  Location base_;
  bool lines_;
  std::vector<std::size_t> starts_;
  std::vector<std::uint32_t> continuations_;  // how many bytes before each offset continue a character; empty: none
};

// Bytes of the UTF-8 character at `i`, 0 where there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) -> unsigned {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0;
  };
  const auto follows = [&](std::size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const unsigned b = byte(i), c = byte(i + 1);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return follows(i + 1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    if ((b == 0xE0 && c < 0xA0) || (b == 0xED && c > 0x9F)) return 0;
    return follows(i + 1) && follows(i + 2) ? 3 : 0;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    if ((b == 0xF0 && c < 0x90) || (b == 0xF4 && c > 0x8F)) return 0;
    return follows(i + 1) && follows(i + 2) && follows(i + 3) ? 4 : 0;
  }
  return 0;
}

[[noreturn]] void refuse_depth(const Source& source, const Location& where) {
  source.fail(where, "nested more than " + std::to_string(kMaxYamlDepth) + " deep; expected less");
}

[[noreturn]] void refuse_values(const Source& source, const Location& where) {
  source.fail(where, "more than " + std::to_string(kMaxYamlNodes) + " values; expected fewer");
}

void check_characters(std::string_view text, const Source& source) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F)
      source.fail(source.at_offset(i), "a control character (byte " + std::to_string(byte) + "); expected UTF-8 text");
    const std::size_t length = utf8_length(text, i);
    if (length == 0) source.fail(source.at_offset(i), "not valid UTF-8; expected UTF-8 text");
    i += length;
  }
}

// yaml-cpp may read a whole line, or all that a bracket spans, before its first event: it could be a key. Each token
// that waits takes some hundred bytes. So what Builder would refuse is refused before that where it is far beyond.
void check_brackets(std::string_view text, const Source& source) {
  constexpr int kFarBeyond = 1000;  // brackets in comments and texts are no levels
  int open = 0, values = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool opens = text[i] == '[' || text[i] == '{';
    if (opens && ++open > kFarBeyond) refuse_depth(source, source.at_offset(i));
    if ((text[i] == ']' || text[i] == '}') && open > 0) --open;
    if ((opens || text[i] == ',') && ++values > kMaxYamlNodes) refuse_values(source, source.at_offset(i));
  }
}

// Builds the tree from yaml-cpp's events. Refusals come with the event, before anything below it is read.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const Source& source) : source_(source) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) source_.fail(source_.at(mark), "a second document; expected one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "?", anchor);
    YamlNode node;
    node.where = source_.is_null_word(mark) ? source_.at(mark) : key_ ? key_->where : source_.before(mark);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.plain = tag == "?";
    node.text = value;
    node.where = source_.at(mark);
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::sequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  YamlNode take_root() { return std::move(root_); }

 private:
  struct Level {
    YamlNode node;
    std::optional<YamlEntry> key;                // of the map that this level's node is a value of
    std::unordered_map<std::string, int> lines;  // of a map: where each key stands
  };

  [[noreturn]] void refuse_alias(const YAML::Mark& mark) const {
    source_.fail(source_.at(mark), "an alias or anchor; expected the value itself, written out");
  }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const char first = source_.byte_at(mark);
    if (anchor != 0 || first == '&' || first == '*') refuse_alias(mark);
    if ((tag != "?" && tag != "!" && !tag.empty()) || first == '!')
      source_.fail(source_.at(mark), "a tag; expected the value alone, without '!'");
    if (++nodes_ > kMaxYamlNodes) refuse_values(source_, source_.at(mark));
  }

  bool expects_key() const { return !levels_.empty() && levels_.back().node.kind == YamlNode::Kind::map && !key_; }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check(mark, tag, anchor);
    if (expects_key()) {
      // Where a bracket is never closed, yaml-cpp takes what it opens for the key of a map.
      const char first = source_.byte_at(mark);
      const bool bracket = first == '[' || first == '{';
      source_.fail(source_.at(mark), std::string("a list or map as a key") +
                                         (bracket ? ", or a bracket that is not closed" : "") + "; expected a name");
    }
    if (levels_.size() >= static_cast<std::size_t>(kMaxYamlDepth)) refuse_depth(source_, source_.at(mark));
    Level level;
    level.node.kind = kind;
    level.node.where = source_.at(mark);
    level.key = std::exchange(key_, std::nullopt);
    levels_.push_back(std::move(level));
  }

  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    key_ = std::move(level.key);
    add(std::move(level.node));
  }

  void add(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (levels_.back().node.kind == YamlNode::Kind::sequence) {
      levels_.back().node.items.push_back(std::move(node));
    } else if (key_) {
      key_->value = std::move(node);
      levels_.back().node.entries.push_back(std::move(*key_));
      key_.reset();
    } else {
      add_key(std::move(node));
    }
  }

  void add_key(YamlNode node) {
    if (node.kind == YamlNode::Kind::null) source_.fail(node.where, "an empty key; expected a name");
    const auto [earlier, fresh] = levels_.back().lines.emplace(node.text, node.where.line);
    if (!fresh) {
      std::string message = "duplicate key " + in_quotes(node.text) + "; expected it once";
      if (earlier->second > 0) message += " (it is on line " + std::to_string(earlier->second) + " too)";
      source_.fail(node.where, message);
    }
    key_ = YamlEntry{std::move(node.text), std::move(node.where), {}};
  }

  const Source& source_;
  YamlNode root_;
  std::vector<Level> levels_;
  std::optional<YamlEntry> key_;  // read, its value not yet
  int nodes_ = 0;
  bool started_ = false;
};

YamlNode parse(std::string_view text, const Location& base, bool lines) {
  if (text.size() > kMaxYamlBytes) throw Error(ErrorKind::config, base, "larger than 1 MiB; expected at most 1 MiB");
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);  // a byte order mark
  const Source source(text, base, lines);
  check_characters(text, source);
  check_brackets(text, source);
  Builder builder(source);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    source.fail(source.at(error.mark), "not YAML (" + error.msg + "); expected YAML");
  }
  return builder.take_root();
}

}  // namespace

const YamlEntry* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

YamlEntry* YamlNode::find(std::string_view key) {
  return const_cast<YamlEntry*>(static_cast<const YamlNode&>(*this).find(key));
}

YamlNode parse_yaml(std::string_view text, const std::string& file) { return parse(text, {file, 0, 0}, true); }

YamlNode parse_yaml_value(std::string_view text, const Location& where) { return parse(text, where, false); }

int depth(const YamlNode& node) {
  int below = 0;
  for (const YamlNode& item : node.items) below = std::max(below, depth(item));
  for (const YamlEntry& entry : node.entries) below = std::max(below, depth(entry.value));
  return node.kind == YamlNode::Kind::sequence || node.kind == YamlNode::Kind::map ? below + 1 : 0;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string line = "'";
  for (std::size_t i = 0; i < text.size();) {
    if (line.size() > kLongest) return line + "...'";
    const std::size_t length = utf8_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      constexpr const char* kDigits = "0123456789abcdef";
      line += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      ++i;
    } else {
      line += text.substr(i, length);
      i += length;
    }
  }
  return line + "'";
}

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "empty";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  const bool number = node.plain && node.text.size() < 40 && !node.text.empty() &&
                      node.text.find_first_not_of("0123456789.+-eE") == std::string::npos &&
                      node.text.find_first_of("0123456789") != std::string::npos;
  if (number) return node.text;
  return node.plain ? in_quotes(node.text) : "the text " + in_quotes(node.text);
}

}  // namespace hone
