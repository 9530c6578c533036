// The binary version of CIFAR-10: records of one label and 3 x 32 x 32 pixels, planes red, green, blue.
#pragma once

#include <filesystem>

#include "engine/data/dataset.hpp"

namespace hone {

// data_batch_*.bin, in the order of their numbers, with any number of records; test_batch.bin. Class names are
// options.classes, else the lines of batches.meta.txt, else "0" to "9". What is allocated is the size of the files.
Dataset load_cifar_bin(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace hone
