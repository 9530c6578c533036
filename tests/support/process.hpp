// Runs a program and waits for it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace hone::testing {

struct ProcessResult {
  int code = -1;  // exit code; 128 + signal where a signal ended it
  std::string out, err;
};

// A child process. Its output goes into files of a folder of its own, so that nothing blocks.
class Process {
 public:
  using Environment = std::map<std::string, std::string>;  // added to the test's own

  Process(const std::vector<std::string>& command, const Environment& environment = {}) {
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const std::string out = (folder_ / "out").string(), err = (folder_ / "err").string();
    spill(out, "");  // there even if the child is killed before it runs
    spill(err, "");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {
      ::dup2(::open(out.c_str(), O_WRONLY), STDOUT_FILENO);
      ::dup2(::open(err.c_str(), O_WRONLY), STDERR_FILENO);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  // True where it ended within that time; wait() then gives how.
  bool ended_within(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
      siginfo_t info = {};
      if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_)
        return true;
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  ProcessResult wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    ProcessResult result;
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = slurp(folder_ / "out");
    result.err = slurp(folder_ / "err");
    return result;
  }

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
};

inline ProcessResult run(const std::vector<std::string>& command, const Process::Environment& environment = {}) {
  return Process(command, environment).wait();
}

}  // namespace hone::testing
