// Train, gate, tweak, retrain: until the target is met or the budget is spent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "trainer/config/config.hpp"

namespace hone {

struct SearchOptions {
  std::filesystem::path out;  // search.jsonl, search.json, trial-0, trial-1 ..., and copies of the best one's files
  int threads = 0;
  bool quiet = false;
};

struct SearchResult {
  bool met = false;
  std::string json;        // as in search.json
  bool untouched = false;  // it had ended before; nothing was done
};

// Budget and target are tweak.trials, tweak.minutes and target.at_least of the config. A search that was stopped goes
// on where it was; one that has ended gives its result again. Throws Stopped after a signal, Error(config) without
// validation images or where the folder holds a search of another config.
SearchResult search(const Config& config, const SearchOptions& options);

// search.json for people: what was changed and why, the accuracy before and after, where the best run is.
std::string search_summary(const std::string& json, const std::filesystem::path& folder);

}  // namespace hone
