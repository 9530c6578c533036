#include <iostream>

#include "engine/base/parallel.hpp"
#include "engine/graph/network.hpp"

int main() {
  const hone::Component dense{
      "dense", {{"units", std::int64_t{3}}, {"batch_norm", false}, {"activation", "none"}}, {}, {}};
  hone::NetworkOptions options;
  options.training = false;
  hone::Network<float> network({{1, 2, 2}, {dense}, {}}, options);
  network.initialize(1);

  const std::uint8_t pixels[4] = {0, 64, 128, 255};
  const std::int32_t label = 0;
  hone::Team team(1);
  hone::Batch batch;
  batch.size = 1;
  batch.pixels = pixels;
  batch.labels = &label;
  const double loss = network.evaluate(batch, nullptr, team).loss_sum;
  std::cout << network.parameters() << " parameters, " << (loss > 0 ? "a loss" : "no loss") << "\n";
}
