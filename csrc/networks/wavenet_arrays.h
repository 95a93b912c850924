// A WaveNet's weights as passed from Python.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wavegen {

// Arrays as PyTorch lays them out, (out, in) row-major, and their sizes. `half` is half of the gate channels: rows
// [0, half) of `gates_weight` compute the filter, rows [half, 2 half) the gate.
struct WaveNetArrays {
    std::size_t channels, front_kernel, residual, half, skip, layers, kernel, outputs;
    const std::int32_t* dilations;                 // (layers,)
    const float *front_weight, *front_bias;        // (residual, front_kernel * channels), oldest tap first
    const float *gates_weight, *gates_bias;        // (layers, 2 half, kernel * residual), oldest tap first
    const float *residual_weight, *residual_bias;  // (layers - 1, residual, half)
    const float *skip_weight, *skip_bias;          // (skip, layers * half)
    const float *head_weight, *head_bias;          // (skip, skip)
    const float *output_weight, *output_bias;      // (outputs, skip)
};

}  // namespace wavegen
