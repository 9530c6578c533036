// Work that nothing can break off.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace hone {

// Gives what work() gives, or throws what it throws; `progress` is called meanwhile, at once and every 50 ms. What that
// throws ends the wait: the work then goes on by itself, to its end or the program's, and so must own all that it uses.
template <class Work>
auto run_aside(Work work, const std::function<void()>& progress) {
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  do {
    progress();
  } while (result.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready);
  return result.get();
}

}  // namespace hone
