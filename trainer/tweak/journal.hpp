// search.jsonl: what a search has decided and seen, a line each. All its further decisions follow from these lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/file.hpp"
#include "trainer/tweak/trial.hpp"

namespace hone {

struct JournalTrial {
  std::int64_t number = 0;  // 0: the user's own model
  std::int64_t base = 0;    // the trial that it was made from
  std::string rule, change, reason;
  Config config;
  std::optional<Trial> outcome;         // once it has ended
  std::optional<double> test_accuracy;  // of the user's own model
  bool met = false;                     // likewise
  double seconds = 0;
};

class Journal {
 public:
  // Reads what is there, creating the file where it is missing; a torn last line is cut. Throws Error(data) at a line
  // that is none of a journal.
  explicit Journal(const std::filesystem::path& path);

  // Nothing for a new journal.
  const std::optional<Config>& start() const { return start_; }
  const std::vector<JournalTrial>& trials() const { return trials_; }
  bool ended() const { return ended_; }

  void write_start(const Config& config);
  void write_trial(const JournalTrial& trial);
  // Of the last trial written.
  void write_outcome(const JournalTrial& trial);
  void write_end();

 private:
  void read(const std::string& text, const std::string& file);

  std::optional<Config> start_;
  std::vector<JournalTrial> trials_;
  bool ended_ = false;
  std::optional<AppendFile> file_;
};

}  // namespace hone
