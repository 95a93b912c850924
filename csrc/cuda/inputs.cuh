// What a network hears of the sample before, as csrc/engine/inputs.h has it, by a warp.
#pragma once

#include "cuda/device.cuh"
#include "engine/inputs.h"

namespace wavegen::cuda {

// The sum of weights[i] * codes, newest first, from a ring whose newest is at `newest`; float64, in ascending i.
__device__ inline double predicted(const DeviceInputs& inputs, const std::int32_t* codes, std::uint32_t newest) {
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

// Writes what is heard of the stream's last symbol to a row whose numbers are `stride` apart.
__device__ inline void hear(const DeviceInputs& inputs, const DeviceStreams& streams, std::uint32_t stream,
                            std::uint32_t symbol, float* row, std::uint32_t stride) {
    const float* heard = inputs.table + std::size_t{symbol} * inputs.columns;
    for (std::uint32_t c = lane(); c < inputs.columns; c += kWarp) row[c * stride] = heard[c];
    if (inputs.error_table == nullptr || lane() != 0) return;
    const double error = static_cast<double>(inputs.code_of_symbol[symbol]) - streams.expected[stream];
    row[inputs.columns * stride] = inputs.error_table[place_of_error(error)];
}

// After that: the last symbol's code becomes the newest of the past, at `place` of its ring. Gives the location of the
// next sample, which is zero without a predictor.
__device__ inline double expect(const DeviceInputs& inputs, const DeviceStreams& streams, std::uint32_t stream,
                                std::uint32_t symbol, std::uint32_t place) {
    if (inputs.taps == 0) return 0.0;
    std::int32_t* codes = streams.codes + std::size_t{stream} * inputs.taps;
    __syncwarp();
    if (lane() == 0) codes[place] = inputs.code_of_symbol[symbol];
    __syncwarp();
    const double location = predicted(inputs, codes, place);
    if (lane() == 0) streams.expected[stream] = location;
    return location;
}

}  // namespace wavegen::cuda
