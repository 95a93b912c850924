// Cycles per phase of a step, measured by one thread of each role; only if compiled with WAVEGEN_CLOCKS.
#pragma once

#include <cstdint>

namespace wavegen::cuda {

enum class Phase : std::uint32_t {
    wait_x,     // latency: a leading thread waits for the previous block
    wait_past,  // ... or for the past taps
    gate,
    residual,
    wait_skip,  // a skip thread, or the end block, waits for skip sums
    skip,
    input,
    front,
    head,
    draw,
    count
};

constexpr const char* kPhases[] = {"wait for x",
                                   "wait for past taps",
                                   "gates",
                                   "residual",
                                   "wait for skip sums",
                                   "skip sums",
                                   "input",
                                   "front",
                                   "head",
                                   "draw"};
static_assert(sizeof kPhases / sizeof *kPhases == static_cast<std::size_t>(Phase::count));

}  // namespace wavegen::cuda
