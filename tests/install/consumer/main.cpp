#include <iostream>

#include "engine/base/shape.hpp"

int main() {
  const hone::Shape shape{1, 28, 28};
  std::cout << hone::to_string(shape) << " has " << shape.size() << " values\n";
}
