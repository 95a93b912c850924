// Where a step's time goes: cycles of one thread of each task, counted only where this is compiled with WAVEGEN_CLOCKS.
#pragma once

#include <cstdint>

namespace wavegen::cuda {

enum class Phase : std::uint32_t {
    wait_x,     // latency: a leading thread waits for the block before
    wait_past,  // for the past taps
    gate,
    residual,
    wait_skip,  // a following thread, or the block at the ends, waits for skip sums
    skip,
    hear,
    front,
    head,
    draw,
    count
};

constexpr const char* kPhases[] = {
    "wait for x", "wait for past taps", "gates", "residual", "wait for skip sums", "skip sums", "hear", "front", "head",
    "draw"};
static_assert(sizeof kPhases / sizeof *kPhases == static_cast<std::size_t>(Phase::count));

}  // namespace wavegen::cuda
