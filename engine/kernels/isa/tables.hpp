// One function an ISA, each in a file of its own that is compiled with that ISA's flags. Call it only on a CPU that has
// the ISA. Which of them exist depends on the processor that is built for.
#pragma once

#include "engine/kernels/table.hpp"

namespace hone {

KernelTable<float> make_sse2_table();
KernelTable<float> make_avx2_table();
KernelTable<float> make_avx512_table();
KernelTable<float> make_neon64_table();

}  // namespace hone
