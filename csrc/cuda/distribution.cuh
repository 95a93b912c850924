// The distribution of one sample, computed by a warp: draws a symbol or takes a given one, and reports log2 p of its
// codes.
#pragma once

#include "common/philox.h"
#include "cuda/categorical.cuh"
#include "cuda/mixture.cuh"
#include "distributions/tables.h"

namespace wavegen::cuda {

__device__ inline std::uint32_t choose(const DeviceDistribution& distribution, const float* params, void* scratch,
                                       double location, const Request& request, Softmax& softmax) {
    if (distribution.kind == DistributionKind::categorical)
        return choose_categorical(distribution, params, static_cast<float*>(scratch), request, softmax);
    return choose_from_mixture(distribution, params, *static_cast<Components*>(scratch), location, request);
}

// For the symbol that `choose` just returned, with the same scratch.
__device__ inline double log2_prob_of(const DeviceDistribution& distribution, const float* params, void* scratch,
                                      double location, std::uint32_t symbol, const Softmax& softmax) {
    if (distribution.kind == DistributionKind::categorical)
        return categorical_log2_prob(distribution, params, symbol, softmax);
    return mixture_log2_prob(distribution, params, location, symbol, *static_cast<Components*>(scratch));
}

// For tests: one warp looks up one u.
__global__ void __launch_bounds__(kWarp)
    look_up(const __grid_constant__ DeviceDistribution distribution, const float* params, double location,
            const __grid_constant__ Request how, const std::uint32_t* us, std::uint32_t* symbols, double* log2_prob) {
    Request request = how;
    request.u = us[blockIdx.x];
    Softmax softmax{};
    const std::uint32_t symbol = choose(distribution, params, shared_memory(), location, request, softmax);
    const double found = log2_prob_of(distribution, params, shared_memory(), location, symbol, softmax);
    if (lane() != 0) return;
    symbols[blockIdx.x] = symbol;
    log2_prob[blockIdx.x] = found;
}

// A sample of one stream. The constructor prepares the request, before the parameters are known; choose() returns
// the symbol; report() writes it, and its log2_prob, to the results and to `last`. Executed by whole warps.
struct SampleStep {
    __device__ SampleStep(const Launch& call, std::uint32_t of, std::uint64_t step)
        : launch(call), here(std::size_t{of} * call.steps + step), stream(of) {
        request = {call.temperature, call.top_p, call.exact != 0, call.draws != 0, 0, 0};
        if (request.draws)
            request.u = u_of(random_word(call.seeds[of], call.time + step, 0, 0), request.exact);
        else
            request.symbol = call.symbols[here];
    }

    __device__ std::uint32_t choose(const float* params, void* scratch, double location) {
        bool good = true;
        each_spread(launch.model.params, [&](std::uint32_t k) { good = good && finite(params[k]); });
        good_ = __all_sync(~0u, good);
        symbol = request.symbol;
        if (good_)
            symbol = cuda::choose(launch.model.distribution, params, scratch, location, request, softmax);
        else if (lane() == 0)
            atomicExch(launch.streams.not_finite, 1u);
        return symbol;
    }

    __device__ void report(const float* params, void* scratch, double location) const {
        double log2_prob = 0.0;
        if (good_) log2_prob = log2_prob_of(launch.model.distribution, params, scratch, location, symbol, softmax);
        __syncwarp();
        if (lane() != 0) return;
        launch.symbols[here] = static_cast<std::uint16_t>(symbol);
        launch.log2_prob[here] = log2_prob;
        launch.streams.last[stream] = symbol;
    }

    const Launch& launch;
    std::size_t here;
    std::uint32_t stream, symbol = 0;
    Request request{};
    Softmax softmax{};
    bool good_ = true;
};

}  // namespace wavegen::cuda
