// The network's input and the linear prediction, computed by a warp as in engine/inputs.h.
#pragma once

#include "cuda/device.cuh"
#include "engine/inputs.h"

namespace wavegen::cuda {

// Σ_i weights[i] * codes, newest first, float64 in ascending i. `codes` is a ring with the newest at `newest`.
__device__ inline double prediction(const DeviceInputs& inputs, const std::int32_t* codes, std::uint32_t newest) {
    double sum = 0.0;
    for (std::uint32_t first = 0; first < inputs.taps; first += kWarp) {
        const std::uint32_t i = first + lane();
        double product = 0.0;
        if (i < inputs.taps)
            product =
                inputs.weights[i] * static_cast<double>(codes[newest >= i ? newest - i : newest + inputs.taps - i]);
        const std::uint32_t here = inputs.taps - first < kWarp ? inputs.taps - first : kWarp;
        for (std::uint32_t from = 0; from < here; ++from) sum += __shfl_sync(~0u, product, static_cast<int>(from));
    }
    return sum;
}

// Writes the input for the stream's last symbol to a row whose numbers are `stride` apart.
__device__ inline void write_input(const DeviceInputs& inputs, const DeviceStreams& streams, std::uint32_t stream,
                                   std::uint32_t symbol, float* row, std::uint32_t stride) {
    const float* entry = inputs.table + std::size_t{symbol} * inputs.columns;
    for (std::uint32_t c = lane(); c < inputs.columns; c += kWarp) row[c * stride] = entry[c];
    if (inputs.error_table == nullptr || lane() != 0) return;
    const double error = static_cast<double>(inputs.code_of_symbol[symbol]) - streams.expected[stream];
    row[inputs.columns * stride] = inputs.error_table[error_index(error)];
}

// Call after write_input: stores the last symbol's code in `slot` of its ring and returns the next sample's
// location, zero without a predictor.
__device__ inline double advance_predictor(const DeviceInputs& inputs, const DeviceStreams& streams,
                                           std::uint32_t stream, std::uint32_t symbol, std::uint32_t slot) {
    if (inputs.taps == 0) return 0.0;
    std::int32_t* codes = streams.codes + std::size_t{stream} * inputs.taps;
    __syncwarp();
    if (lane() == 0) codes[slot] = inputs.code_of_symbol[symbol];
    __syncwarp();
    const double location = prediction(inputs, codes, slot);
    if (lane() == 0) streams.expected[stream] = location;
    return location;
}

}  // namespace wavegen::cuda
