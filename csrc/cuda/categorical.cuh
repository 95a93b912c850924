// One logit a symbol, as csrc/categorical.cpp has it, by a warp.
#pragma once

#include "../tables.h"
#include "device.cuh"
#include "laws.h"

namespace wavegen::cuda {

constexpr std::uint32_t kPartials = 16;  // sums, of k mod 16

__device__ inline float exponential_of(float logit, float maximum, float temperature) {
    const float y = logit - maximum;
    return exponential_of_negative(temperature != 1.0f ? y / temperature : y);
}

// The sum of e in the order of Kernels::exponentials.
__device__ inline float sum_of(const float* e, std::uint32_t symbols) {
    __syncwarp();
    float partial = 0.0f;
    if (lane() < kPartials)
        for (std::uint32_t k = lane(); k < symbols; k += kPartials) partial += e[k];
    float total = __shfl_sync(~0u, partial, 0);
    for (std::uint32_t from = 1; from < kPartials; ++from) total += __shfl_sync(~0u, partial, from);
    return total;
}

// e_k for every symbol, and their sum.
__device__ inline float exponentials(const float* logits, float maximum, float temperature, std::uint32_t symbols,
                                     float* e) {
    __syncwarp();  // others may still read what was there
    for (std::uint32_t k = lane(); k < symbols; k += kWarp) e[k] = exponential_of(logits[k], maximum, temperature);
    return sum_of(e, symbols);
}

// Whether a comes before b in the order in which a nucleus takes symbols: by e, then by logit, then the first.
struct Candidate {
    float e, logit;
    std::uint32_t symbol;
    __device__ bool before(const Candidate& other) const {
        return e != other.e ? e > other.e : logit != other.logit ? logit > other.logit : symbol < other.symbol;
    }
};

// The first of all symbols that come after `last` in that order; every lane gets it.
__device__ inline Candidate next_candidate(const float* e, const float* logits, std::uint32_t symbols,
                                           const Candidate& last) {
    Candidate best{-1.0f, 0.0f, symbols};
    for (std::uint32_t k = lane(); k < symbols; k += kWarp) {
        const Candidate here{e[k], logits[k], k};
        if (last.before(here) && here.before(best)) best = here;
    }
    for (int by = kWarp / 2; by > 0; by /= 2) {
        const Candidate other{__shfl_xor_sync(~0u, best.e, by), __shfl_xor_sync(~0u, best.logit, by),
                              __shfl_xor_sync(~0u, best.symbol, by)};
        if (other.before(best)) best = other;
    }
    return best;
}

// Leaves the fewest first candidates whose sum reaches top_p of all, and gives their sum.
__device__ inline float keep_nucleus(const float* logits, std::uint32_t symbols, double top_p, float* e) {
    double all = 0.0, reached = 0.0;
    for (std::uint32_t k = 0; k < symbols; ++k) all += static_cast<double>(e[k]);
    Candidate last{2.0f, 0.0f, 0};  // no e is above 1
    do {
        const Candidate next = next_candidate(e, logits, symbols, last);
        if (next.symbol == symbols) break;
        reached += static_cast<double>(next.e);
        last = next;
    } while (reached < top_p * all);
    __syncwarp();
    for (std::uint32_t k = lane(); k < symbols; k += kWarp)
        if (last.before({e[k], logits[k], k})) e[k] = 0.0f;
    return sum_of(e, symbols);
}

// The symbol k with C(k) <= place < C(k + 1), C as in csrc/categorical.cpp.
__device__ inline std::uint32_t find_symbol(const DeviceHead& head, const float* e, float sum, std::uint32_t first,
                                            std::uint32_t place) {
    const float r = static_cast<float>(kModelShare) / sum;
    std::uint32_t counted = 0;
    for (std::uint32_t k = lane(); k < head.symbols; k += kWarp)
        counted += static_cast<std::uint32_t>(static_cast<std::int32_t>(e[k] * r));
    const std::uint32_t remainder = kModelShare - warp_sum(counted);
    std::uint32_t below = 0;  // C of the row's first symbol
    for (std::uint32_t row = 0; row < head.symbols; row += kWarp) {
        const std::uint32_t k = row + lane();
        std::uint32_t n = 0;
        if (k < head.symbols) {
            n = static_cast<std::uint32_t>(static_cast<std::int32_t>(e[k] * r)) +
                static_cast<std::uint32_t>(head.codes[k]);
            if (k == first) n += remainder;
        }
        const std::uint32_t above = below + warp_prefix_sum(n);  // C(k + 1)
        const std::uint32_t found = __ballot_sync(~0u, k < head.symbols && place < above);
        if (found != 0) return row + static_cast<std::uint32_t>(__ffs(static_cast<int>(found))) - 1;
        below = __shfl_sync(~0u, above, kWarp - 1);
    }
    return head.symbols - 1;
}

__device__ inline void settle_categorical(const DeviceHead& head, const float* logits, float* e, const Asked& asked,
                                          std::uint32_t& symbol, double& log2_prob) {
    const std::uint32_t symbols = head.symbols;
    float maximum = logits[0];
    for (std::uint32_t k = lane(); k < symbols; k += kWarp) maximum = larger(logits[k], maximum);
    maximum = warp_maximum(maximum);
    const float model_sum = exponentials(logits, maximum, 1.0f, symbols, e);
    if (asked.draws) {
        float sum = model_sum;
        if (asked.temperature != 1.0f) sum = exponentials(logits, maximum, asked.temperature, symbols, e);
        if (asked.top_p < 1.0) sum = keep_nucleus(logits, symbols, asked.top_p, e);
        std::uint32_t first = symbols;
        for (std::uint32_t k = lane(); k < symbols && first == symbols; k += kWarp)
            if (logits[k] == maximum) first = k;
        symbol = find_symbol(head, e, sum, warp_minimum(first), asked.place);
    }
    const double probability = static_cast<double>(exponential_of(logits[symbol], maximum, 1.0f));
    log2_prob = log2_prob_of_code(probability / static_cast<double>(model_sum), head.codes[symbol]);
    __syncwarp();
}

}  // namespace wavegen::cuda
