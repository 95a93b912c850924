// One sample's distribution, read by a warp: a symbol is drawn from it, or given, and log2 p of its codes reported.
#pragma once

#include "../philox.h"
#include "../tables.h"
#include "categorical.cuh"
#include "mixture.cuh"

namespace wavegen::cuda {

__device__ inline void settle(const DeviceHead& head, const float* params, void* scratch, double location,
                              const Asked& asked, std::uint32_t& symbol, double& log2_prob) {
    if (head.kind == HeadKind::categorical)
        settle_categorical(head, params, static_cast<float*>(scratch), asked, symbol, log2_prob);
    else
        settle_mixture(head, params, static_cast<Components*>(scratch), location, asked, symbol, log2_prob);
}

// A warp each: what one distribution has at places of C, for tests.
__global__ void __launch_bounds__(kWarp)
    look_up(const __grid_constant__ DeviceHead head, const float* params, double location,
            const __grid_constant__ Asked how, const std::uint32_t* places, std::uint32_t* symbols, double* log2_prob) {
    Asked asked = how;
    asked.place = places[blockIdx.x];
    std::uint32_t symbol = 0;
    double found = 0.0;
    settle(head, params, shared_memory(), location, asked, symbol, found);
    if (lane() != 0) return;
    symbols[blockIdx.x] = symbol;
    log2_prob[blockIdx.x] = found;
}

// The sample of a step. Writes to symbols and log2_prob at `here`, and gives the symbol. All lanes take part.
__device__ inline std::uint32_t settle(const Launch& launch, const float* params, void* scratch, double location,
                                       std::uint32_t stream, std::uint64_t step) {
    const DeviceHead& head = launch.model.distribution;
    const std::size_t here = std::size_t{stream} * launch.steps + step;
    Asked asked{launch.temperature, launch.top_p, launch.draws != 0, 0};
    asked.place = launch.draws ? random_word(launch.seeds[stream], launch.time + step, 0, 0) >> 2 : 0;
    std::uint32_t symbol = launch.draws ? 0 : launch.symbols[here];
    double log2_prob = 0.0;
    bool good = true;
    for (std::uint32_t k = lane(); k < launch.model.params; k += kWarp) good = good && finite(params[k]);
    if (__all_sync(~0u, good))
        settle(head, params, scratch, location, asked, symbol, log2_prob);
    else if (lane() == 0)
        atomicExch(launch.streams.spoilt, 1u);
    if (lane() == 0) {
        launch.symbols[here] = static_cast<std::uint16_t>(symbol);
        launch.log2_prob[here] = log2_prob;
        launch.streams.last[stream] = symbol;
    }
    return symbol;
}

}  // namespace wavegen::cuda
