#include <csignal>

#include "trainer/cli/command.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of the write, not the end of a training
  return hone::run_program(argc, argv);
}
