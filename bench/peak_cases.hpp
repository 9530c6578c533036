// The machine's limits as cases of their own, beside those that are compared with them.
#pragma once

namespace hone::bench {

// Registers peak/fma, peak/read-<level> and peak/triad-dram for each of thread_counts().
void register_peaks();

}  // namespace hone::bench
