// One function an ISA, each in a file of its own that is compiled with that ISA's flags. Call it only on a CPU that has
// the ISA. Which of them exist depends on the processor that is built for. single: for inference of a few images.
#pragma once

#include "engine/kernels/table.hpp"

namespace hone {

KernelTable<float> make_sse2_table();
KernelTable<float> make_sse2_single_table();
KernelTable<float> make_avx2_table();
KernelTable<float> make_avx2_single_table();
KernelTable<float> make_avx512_table();
KernelTable<float> make_avx512_single_table();
KernelTable<float> make_neon64_table();
KernelTable<float> make_neon64_single_table();

}  // namespace hone
