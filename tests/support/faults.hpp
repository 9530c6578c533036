// Runs of the program in which the n-th call of some kind fails (tests/support/preload/faults.cpp).
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/support/hone.hpp"
#include "tests/support/sanitized.hpp"

// Sanitizers want to be the first library that is loaded, and replace malloc themselves.
#define HONE_CAN_PRELOAD (!HONE_SANITIZED)

namespace hone::testing {

struct Fault {
  std::string calls;  // "io", "malloc", "open,write" ...
  std::string how;    // "EIO", "short", "SIGKILL" ...
  bool ever = false;  // the n-th call and all after it, not the n-th alone
};

struct FaultyResult : ProcessResult {
  double seconds = 0;
  std::string fired;  // the call that failed; empty where the program ended before
};

// Hundreds of runs would wait for a disk's syncs: temporary folders are in memory where that can be had. What a process
// has written is there after its death on either.
inline void keep_temporaries_in_memory() {
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
}

// Whether each single call is to fail, not some of them.
inline bool every_fault() { return std::getenv("HONE_EVERY_FAULT") != nullptr; }

inline std::string faults_library() {
  return (std::filesystem::path(hone_program()).parent_path() / "libhone_faults.so").string();
}

inline Process::Environment fault_environment(const Fault& fault, long n, const std::filesystem::path& under,
                                              const std::filesystem::path& report) {
  Process::Environment environment = {{"LD_PRELOAD", faults_library()},  {"HONE_FAULT_UNDER", under.string()},
                                      {"HONE_FAULT_CALLS", fault.calls}, {"HONE_FAULT_AT", std::to_string(n)},
                                      {"HONE_FAULT_HOW", fault.how},     {"HONE_FAULT_REPORT", report.string()}};
  if (fault.ever) environment["HONE_FAULT_FROM"] = "1";
  return environment;
}

inline FaultyResult run_with_fault(const std::vector<std::string>& arguments, const Fault& fault, long n,
                                   const std::filesystem::path& under) {
  const TemporaryFolder reports;
  spill(reports / "report", "");
  const auto start = std::chrono::steady_clock::now();
  FaultyResult result{run_hone(arguments, fault_environment(fault, n, under, reports / "report")), 0, {}};
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string report = slurp(reports / "report");
  if (report.starts_with("fired ")) result.fired = report.substr(6, report.find('\n') - 6);
  return result;
}

}  // namespace hone::testing
