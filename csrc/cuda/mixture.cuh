// Mixtures over a codec's cells, computed by a warp as in distributions/mixture.cpp.
#pragma once

#include "cuda/categorical.cuh"

namespace wavegen::cuda {

constexpr double kLogMinScale = -6.907755278982137, kLogMaxScale = 11.512925464970229;  // 1e-3 and 1e5 PCM codes

__device__ inline double edge_of(const DeviceDistribution& distribution, std::uint32_t k) {
    return distribution.below[k] - 32768.5;
}

__device__ inline double component_below(const DeviceDistribution& distribution, double z) {
    return Component::below(z, distribution.nodes, distribution.last_node);
}

// weights_j = softmax(logits / temperature), float64 of float32 exponentials, summed in ascending j.
__device__ inline void set_weights(const DeviceDistribution& distribution, const float* logits, float temperature,
                                   Components& c) {
    float maximum = logits[0];
    for (std::uint32_t j = 1; j < distribution.mixtures; ++j) maximum = larger(logits[j], maximum);
    __syncwarp();  // other lanes may still read the weights
    for (std::uint32_t j = lane(); j < distribution.mixtures; j += kWarp)
        c.term[j] = static_cast<double>(exponential_of(logits[j], maximum, temperature));
    __syncwarp();
    double sum = 0.0;
    for (std::uint32_t j = 0; j < distribution.mixtures; ++j) sum += c.term[j];
    for (std::uint32_t j = lane(); j < distribution.mixtures; j += kWarp) c.weight[j] = c.term[j] / sum;
    __syncwarp();
}

__device__ inline void read_components(const DeviceDistribution& distribution, const float* params, Components& c) {
    const std::uint32_t size = distribution.mixtures;
    __syncwarp();
    for (std::uint32_t j = lane(); j < size; j += kWarp) {
        c.mean[j] = params[size + j];
        const double log_scale = params[2 * size + j] + distribution.offsets[j];
        const double raised = log_scale < kLogMinScale ? kLogMinScale : log_scale;
        c.inverse_scale[j] = exp_fixed(-(kLogMaxScale < raised ? kLogMaxScale : raised));
    }
    __syncwarp();
}

// For components that have been read.
__device__ inline double mixture_log2_prob(const DeviceDistribution& distribution, const float* params, double location,
                                           std::uint32_t symbol, Components& c) {
    set_weights(distribution, params, 1.0f, c);
    const bool first = symbol == 0, last = symbol + 1 == distribution.symbols;
    const double lower = edge_of(distribution, symbol) - location, upper = edge_of(distribution, symbol + 1) - location;
    __syncwarp();
    for (std::uint32_t j = lane(); j < distribution.mixtures; j += kWarp) {
        const double below = first ? 0.0 : component_below(distribution, lower * c.inverse_scale[j] - c.mean[j]);
        const double to_here = last ? 1.0 : component_below(distribution, upper * c.inverse_scale[j] - c.mean[j]);
        c.term[j] = c.weight[j] * (to_here - below);
    }
    __syncwarp();
    double probability = 0.0;
    for (std::uint32_t j = 0; j < distribution.mixtures; ++j) probability += c.term[j];
    return log2_prob_of_code(probability, distribution.codes[symbol]);
}

// Replaces weights by integer counts that sum to the model's share.
__device__ inline void count_components(const DeviceDistribution& distribution, Components& c) {
    for (std::uint32_t j = lane(); j < distribution.mixtures; j += kWarp)
        c.weight[j] = static_cast<double>(static_cast<std::uint32_t>(c.weight[j] * kModelShare));
    __syncwarp();
    double rest = kModelShare;
    std::uint32_t largest = 0;
    for (std::uint32_t j = 0; j < distribution.mixtures; ++j) {
        rest -= c.weight[j];
        if (c.weight[largest] < c.weight[j]) largest = j;
    }
    __syncwarp();
    if (lane() == 0) c.weight[largest] += rest;
    __syncwarp();
}

// C(k) for 0 < k < symbols.
__device__ inline std::uint32_t mixture_cumulative(const DeviceDistribution& distribution, const Components& c,
                                                   double location, double inverse_temperature, bool exact,
                                                   std::uint32_t k) {
    const double edge = edge_of(distribution, k) - location;
    double below = 0.0;
    for (std::uint32_t j = 0; j < distribution.mixtures; ++j) {
        const double z = (edge * c.inverse_scale[j] - c.mean[j]) * inverse_temperature;
        below += c.weight[j] * component_below(distribution, z);
    }
    return exact ? distribution.below[k] + static_cast<std::uint32_t>(below) : static_cast<std::uint32_t>(below + 0.5);
}

// The symbol with C(symbol) <= u < C(symbol + 1): each round, the lanes divide the remaining range into kWarp + 1
// parts.
__device__ inline std::uint32_t find_in_mixture(const DeviceDistribution& distribution, const Components& c,
                                                double location, double inverse_temperature, bool exact,
                                                std::uint32_t u) {
    std::uint32_t symbol = 0, above = distribution.symbols;  // C(symbol) <= u < C(above)
    while (above - symbol > 1) {
        const std::uint32_t middle = symbol + (above - symbol) * (lane() + 1) / (kWarp + 1);
        const bool reached =
            middle == symbol || mixture_cumulative(distribution, c, location, inverse_temperature, exact, middle) <= u;
        const std::uint32_t reaching = __ballot_sync(~0u, reached);  // set in the lower lanes
        const int count = __popc(reaching);
        const std::uint32_t new_symbol = count > 0 ? __shfl_sync(~0u, middle, count - 1) : symbol;
        const std::uint32_t new_above = count < static_cast<int>(kWarp) ? __shfl_sync(~0u, middle, count) : above;
        symbol = new_symbol;
        above = new_above;
    }
    return symbol;
}

// Draws a symbol, or takes the given one.
__device__ inline std::uint32_t choose_from_mixture(const DeviceDistribution& distribution, const float* params,
                                                    Components& c, double location, const Request& request) {
    read_components(distribution, params, c);
    if (!request.draws) return request.symbol;
    set_weights(distribution, params, request.temperature, c);
    count_components(distribution, c);
    const double inverse_temperature = 1.0 / static_cast<double>(request.temperature);
    return find_in_mixture(distribution, c, location, inverse_temperature, request.exact, request.u);
}

}  // namespace wavegen::cuda
