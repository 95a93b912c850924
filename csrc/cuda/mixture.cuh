// Mixtures over a codec's cells, as csrc/distributions/mixture.cpp has them, by a warp.
#pragma once

#include "cuda/categorical.cuh"

namespace wavegen::cuda {

constexpr double kLogLeastScale = -6.907755278982137, kLogMostScale = 11.512925464970229;  // 1e-3 and 1e5 PCM codes

__device__ inline double edge_of(const DeviceHead& head, std::uint32_t k) { return head.below[k] - 32768.5; }

__device__ inline double component_below(const DeviceHead& head, double z) {
    return Component::below(z, head.nodes, head.last_node);
}

// weights_j = softmax(logits / temperature), float64 of float32 exponentials, summed in ascending j.
__device__ inline void set_weights(const DeviceHead& head, const float* logits, float temperature, Components& c) {
    float maximum = logits[0];
    for (std::uint32_t j = 1; j < head.mixtures; ++j) maximum = larger(logits[j], maximum);
    __syncwarp();  // others may still read the weights
    for (std::uint32_t j = lane(); j < head.mixtures; j += kWarp)
        c.term[j] = static_cast<double>(exponential_of(logits[j], maximum, temperature));
    __syncwarp();
    double sum = 0.0;
    for (std::uint32_t j = 0; j < head.mixtures; ++j) sum += c.term[j];
    for (std::uint32_t j = lane(); j < head.mixtures; j += kWarp) c.weight[j] = c.term[j] / sum;
    __syncwarp();
}

__device__ inline void read_components(const DeviceHead& head, const float* params, Components& c) {
    const std::uint32_t size = head.mixtures;
    __syncwarp();
    for (std::uint32_t j = lane(); j < size; j += kWarp) {
        c.mean[j] = params[size + j];
        const double log_scale = params[2 * size + j] + head.offsets[j];
        const double raised = log_scale < kLogLeastScale ? kLogLeastScale : log_scale;
        c.inverse_scale[j] = exp_fixed(-(kLogMostScale < raised ? kLogMostScale : raised));
    }
    __syncwarp();
}

// Of components that have been read.
__device__ inline double mixture_log2_prob(const DeviceHead& head, const float* params, double location,
                                           std::uint32_t symbol, Components& c) {
    set_weights(head, params, 1.0f, c);
    const bool first = symbol == 0, last = symbol + 1 == head.symbols;
    const double lower = edge_of(head, symbol) - location, upper = edge_of(head, symbol + 1) - location;
    __syncwarp();
    for (std::uint32_t j = lane(); j < head.mixtures; j += kWarp) {
        const double below = first ? 0.0 : component_below(head, lower * c.inverse_scale[j] - c.mean[j]);
        const double to_here = last ? 1.0 : component_below(head, upper * c.inverse_scale[j] - c.mean[j]);
        c.term[j] = c.weight[j] * (to_here - below);
    }
    __syncwarp();
    double probability = 0.0;
    for (std::uint32_t j = 0; j < head.mixtures; ++j) probability += c.term[j];
    return log2_prob_of_code(probability, head.codes[symbol]);
}

// Weights become integer counts that sum to the model's share.
__device__ inline void count_components(const DeviceHead& head, Components& c) {
    for (std::uint32_t j = lane(); j < head.mixtures; j += kWarp)
        c.weight[j] = static_cast<double>(static_cast<std::uint32_t>(c.weight[j] * kModelShare));
    __syncwarp();
    double rest = kModelShare;
    std::uint32_t largest = 0;
    for (std::uint32_t j = 0; j < head.mixtures; ++j) {
        rest -= c.weight[j];
        if (c.weight[largest] < c.weight[j]) largest = j;
    }
    __syncwarp();
    if (lane() == 0) c.weight[largest] += rest;
    __syncwarp();
}

// C(k) for 0 < k < symbols.
__device__ inline std::uint32_t mixture_cumulative(const DeviceHead& head, const Components& c, double location,
                                                   double inverse_temperature, bool exact, std::uint32_t k) {
    const double edge = edge_of(head, k) - location;
    double below = 0.0;
    for (std::uint32_t j = 0; j < head.mixtures; ++j) {
        const double z = (edge * c.inverse_scale[j] - c.mean[j]) * inverse_temperature;
        below += c.weight[j] * component_below(head, z);
    }
    return exact ? head.below[k] + static_cast<std::uint32_t>(below) : static_cast<std::uint32_t>(below + 0.5);
}

// The symbol with C(symbol) <= place < C(symbol + 1): each round the lanes cut what is left at as many places.
__device__ inline std::uint32_t find_in_mixture(const DeviceHead& head, const Components& c, double location,
                                                double inverse_temperature, bool exact, std::uint32_t place) {
    std::uint32_t symbol = 0, above = head.symbols;  // C(symbol) <= place < C(above)
    while (above - symbol > 1) {
        const std::uint32_t middle = symbol + (above - symbol) * (lane() + 1) / (kWarp + 1);
        const bool reached =
            middle == symbol || mixture_cumulative(head, c, location, inverse_temperature, exact, middle) <= place;
        const std::uint32_t reaching = __ballot_sync(~0u, reached);  // the lower lanes
        const int count = __popc(reaching);
        const std::uint32_t new_symbol = count > 0 ? __shfl_sync(~0u, middle, count - 1) : symbol;
        const std::uint32_t new_above = count < static_cast<int>(kWarp) ? __shfl_sync(~0u, middle, count) : above;
        symbol = new_symbol;
        above = new_above;
    }
    return symbol;
}

// Draws a symbol if asked to, else takes the given one.
__device__ inline std::uint32_t choose_from_mixture(const DeviceHead& head, const float* params, Components& c,
                                                    double location, const Asked& asked) {
    read_components(head, params, c);
    if (!asked.draws) return asked.symbol;
    set_weights(head, params, asked.temperature, c);
    count_components(head, c);
    const double inverse_temperature = 1.0 / static_cast<double>(asked.temperature);
    return find_in_mixture(head, c, location, inverse_temperature, asked.exact, asked.place);
}

}  // namespace wavegen::cuda
