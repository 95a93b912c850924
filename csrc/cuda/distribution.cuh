// One sample's distribution, read by a warp: a symbol is drawn from it, or given, and log2 p of its codes reported.
#pragma once

#include "common/philox.h"
#include "cuda/categorical.cuh"
#include "cuda/mixture.cuh"
#include "distributions/tables.h"

namespace wavegen::cuda {

__device__ inline std::uint32_t choose(const DeviceHead& head, const float* params, void* scratch, double location,
                                       const Asked& asked, Known& known) {
    if (head.kind == HeadKind::categorical)
        return choose_categorical(head, params, static_cast<float*>(scratch), asked, known);
    return choose_from_mixture(head, params, *static_cast<Components*>(scratch), location, asked);
}

// Of the symbol that was chosen just before with the same scratch.
__device__ inline double log2_prob_of(const DeviceHead& head, const float* params, void* scratch, double location,
                                      std::uint32_t symbol, const Known& known) {
    if (head.kind == HeadKind::categorical) return categorical_log2_prob(head, params, symbol, known);
    return mixture_log2_prob(head, params, location, symbol, *static_cast<Components*>(scratch));
}

// A warp each: what one distribution has at places of C, for tests.
__global__ void __launch_bounds__(kWarp)
    look_up(const __grid_constant__ DeviceHead head, const float* params, double location,
            const __grid_constant__ Asked how, const std::uint32_t* places, std::uint32_t* symbols, double* log2_prob) {
    Asked asked = how;
    asked.place = places[blockIdx.x];
    Known known{};
    const std::uint32_t symbol = choose(head, params, shared_memory(), location, asked, known);
    const double found = log2_prob_of(head, params, shared_memory(), location, symbol, known);
    if (lane() != 0) return;
    symbols[blockIdx.x] = symbol;
    log2_prob[blockIdx.x] = found;
}

// A step of a stream: first what is asked, which can be known before the parameters are; then the symbol, which goes to
// `last`; then its log2_prob. All lanes of the warp take part.
struct Settling {
    __device__ Settling(const Launch& call, std::uint32_t of, std::uint64_t step)
        : launch(call), here(std::size_t{of} * call.steps + step), stream(of) {
        asked = {call.temperature, call.top_p, call.exact != 0, call.draws != 0, 0, 0};
        if (asked.draws)
            asked.place = place_of(random_word(call.seeds[of], call.time + step, 0, 0), asked.exact);
        else
            asked.symbol = call.symbols[here];
    }

    __device__ std::uint32_t choose(const float* params, void* scratch, double location) {
        bool good = true;
        each_spread(launch.model.params, [&](std::uint32_t k) { good = good && finite(params[k]); });
        good_ = __all_sync(~0u, good);
        symbol = asked.symbol;
        if (good_)
            symbol = cuda::choose(launch.model.distribution, params, scratch, location, asked, known);
        else if (lane() == 0)
            atomicExch(launch.streams.spoilt, 1u);
        return symbol;
    }

    __device__ void report(const float* params, void* scratch, double location) const {
        double log2_prob = 0.0;
        if (good_) log2_prob = log2_prob_of(launch.model.distribution, params, scratch, location, symbol, known);
        __syncwarp();
        if (lane() != 0) return;
        launch.symbols[here] = static_cast<std::uint16_t>(symbol);
        launch.log2_prob[here] = log2_prob;
        launch.streams.last[stream] = symbol;
    }

    const Launch& launch;
    std::size_t here;
    std::uint32_t stream, symbol = 0;
    Asked asked{};
    Known known{};
    bool good_ = true;
};

}  // namespace wavegen::cuda
