// "did you mean": the closest of the words that would have been right.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hone {

// Insertions, deletions, replacements and swaps of neighbours between two words, upper and lower case being the same.
int edit_distance(std::string_view a, std::string_view b);

// "; did you mean 'filters'?" for the candidate that differs in at most a third of its letters, else "".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// "a, b, c"
std::string joined(std::span<const std::string_view> words);

}  // namespace hone
