// The IDX files of MNIST: big-endian header (magic number, sizes), then unsigned bytes.
#pragma once

#include <filesystem>

#include "engine/data/dataset.hpp"

namespace hone {

// {train,t10k}-{images-idx3,labels-idx1}-ubyte, also spelt images.idx3, each plain or .gz; plain is taken where both
// are there. Without options.classes the classes are "0" to the highest label. Memory: a plain file's size must agree
// with its header before anything is allocated. A .gz grows as its data arrive, so that at most three times what it
// really holds is allocated, and never more than the header says.
Dataset load_idx(const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace hone
