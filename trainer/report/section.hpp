// A part of the page. To add one: a file in sections/, and its line in page.cpp.
#pragma once

#include <string>
#include <string_view>

#include "trainer/report/runs.hpp"

namespace hone {

struct Section {
  std::string_view id;
  std::string_view title;  // empty: none
  // HTML without <section> and title; empty where the runs hold nothing of it. Everything that comes from a file goes
  // through markup_text().
  std::string (*html)(const Report& report);
};

}  // namespace hone
