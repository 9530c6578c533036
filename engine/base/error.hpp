// The one exception type of hone. Its kind decides the exit code; its text is the one line that a user sees.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace hone {

// The values are the program's exit codes.
enum class ErrorKind { internal = 1, usage = 2, config = 3, data = 4, checkpoint = 5, io = 6, diverged = 7 };

// Where in a file something is wrong. An empty file: no place is known; line or column 0: only the file is.
struct Location {
  std::string file;
  int line = 0;
  int column = 0;
};

// "file:line:column", leaving out what is not known.
inline std::string to_string(const Location& where) {
  std::string text = where.file;
  if (where.line > 0) {
    text += ":" + std::to_string(where.line);
    if (where.column > 0) text += ":" + std::to_string(where.column);
  }
  return text;
}

class Error : public std::runtime_error {
 public:
  // message: what is wrong; what was expected (and a hint), in one line.
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Error(ErrorKind kind, const Location& where, const std::string& message)
      : std::runtime_error(where.file.empty() ? message : to_string(where) + ": " + message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

}  // namespace hone
