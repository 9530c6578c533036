// What takes turns with others. A shared machine changes within seconds: what is measured by turns shares what happens.
#pragma once

#include <functional>
#include <vector>

namespace hone::bench {

class Contestant {
 public:
  // `amount`: what one run does, in the unit of the rates; `seconds`: of a turn, which is one run at least.
  Contestant(double amount, double seconds, std::function<void()> run);

  // What others have left in the caches is no part of it, where a turn has several runs.
  void take_turn();

  // A second; one of each turn.
  const std::vector<double>& rates() const { return rates_; }

 private:
  double seconds_of(int runs) const;

  double amount_;
  std::function<void()> run_;
  int runs_ = 1;
  std::vector<double> rates_;
};

// The machine's multiply-adds with the chosen ISA; amounts in floating-point operations.
Contestant peak_contestant(double seconds, int threads);

}  // namespace hone::bench
