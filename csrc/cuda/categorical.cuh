// A categorical distribution, computed by a warp as in distributions/categorical.cpp.
#pragma once

#include "cuda/device.cuh"
#include "cuda/distribution.h"
#include "distributions/tables.h"

namespace wavegen::cuda {

constexpr std::uint32_t kPartials = 16;  // partial sums over k mod 16

// Calls with(k) for this lane's symbols: `each_spread` every kWarp-th one, `each_between` a contiguous range. For
// few symbols, the usual case, the trip count has a compile-time bound, so that loads overlap.
constexpr std::uint32_t kFewEach = 8;
template <class With>
__device__ inline void each_spread(std::uint32_t symbols, const With& with) {
    if (symbols <= kFewEach * kWarp) {
#pragma unroll
        for (std::uint32_t i = 0; i < kFewEach; ++i)
            if (lane() + i * kWarp < symbols) with(lane() + i * kWarp);
    } else {
        for (std::uint32_t k = lane(); k < symbols; k += kWarp) with(k);
    }
}
template <class With>
__device__ inline void each_between(std::uint32_t begin, std::uint32_t end, const With& with) {
    if (end - begin <= kFewEach) {
#pragma unroll
        for (std::uint32_t i = 0; i < kFewEach; ++i)
            if (begin + i < end) with(begin + i);
    } else {
        for (std::uint32_t k = begin; k < end; ++k) with(k);
    }
}

__device__ inline float exponential_of(float logit, float maximum, float temperature) {
    const float y = logit - maximum;
    return exponential_of_negative(temperature != 1.0f ? y / temperature : y);
}

// Sums e in the order of Kernels::exponentials.
__device__ inline float sum_of(const float* e, std::uint32_t symbols) {
    __syncwarp();
    float partial = 0.0f;
    if (lane() < kPartials) {
        std::uint32_t k = lane();
        for (; k + 15 * kPartials < symbols; k += 16 * kPartials) {
#pragma unroll
            for (std::uint32_t i = 0; i < 16; ++i) partial += e[k + i * kPartials];
        }
        for (; k < symbols; k += kPartials) partial += e[k];
    }
    __syncwarp();
    float total = __shfl_sync(~0u, partial, 0);
    for (std::uint32_t from = 1; from < kPartials; ++from) total += __shfl_sync(~0u, partial, from);
    return total;
}

// Computes e_k for every symbol and returns their sum.
__device__ inline float exponentials(const float* logits, float maximum, float temperature, std::uint32_t symbols,
                                     float* e) {
    __syncwarp();  // other lanes may still read the old values
    each_spread(symbols, [&](std::uint32_t k) { e[k] = exponential_of(logits[k], maximum, temperature); });
    return sum_of(e, symbols);
}

// The order in which a nucleus takes symbols: by descending e, then by descending logit, then by index.
struct Candidate {
    float e, logit;
    std::uint32_t symbol;
    __device__ bool before(const Candidate& other) const {
        if (e != other.e) return e > other.e;
        if (logit != other.logit) return logit > other.logit;
        return symbol < other.symbol;
    }
};

// The first symbol after `last` in that order, in every lane.
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

// Keeps the fewest first candidates whose sum reaches top_p of the total, and returns their sum.
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

// The symbol k with C(k) <= u < C(k + 1), C as in distributions/categorical.cpp. Each lane counts a contiguous
// range.
__device__ inline std::uint32_t find_symbol(const DeviceDistribution& distribution, const float* e, float sum,
                                            std::uint32_t first, std::uint32_t u, bool exact) {
    const float r = static_cast<float>(kModelShare) / sum;
    const auto count = [&](std::uint32_t k) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(e[k] * r)); };
    const std::uint32_t mask = exact ? ~std::uint32_t{0} : 0;
    const std::uint32_t each = (distribution.symbols + kWarp - 1) / kWarp;
    const std::uint32_t begin = lane() * each < distribution.symbols ? lane() * each : distribution.symbols;
    const std::uint32_t end = begin + each < distribution.symbols ? begin + each : distribution.symbols;
    std::uint32_t counted = 0, codes = 0;
    each_between(begin, end, [&](std::uint32_t k) {
        counted += count(k);
        codes += static_cast<std::uint32_t>(distribution.codes[k]) & mask;
    });
    const std::uint32_t remainder = kModelShare - warp_sum(counted);
    const std::uint32_t own = counted + codes + (begin <= first && first < end ? remainder : 0);
    const std::uint32_t above = warp_prefix_sum(own);  // C(end)
    const std::uint32_t reached = __ballot_sync(~0u, u < above);
    if (reached == 0) return distribution.symbols - 1;
    std::uint32_t symbol = begin, up_to = above - own;
    each_between(begin, end, [&](std::uint32_t k) {
        up_to += count(k) + (static_cast<std::uint32_t>(distribution.codes[k]) & mask) +
                 (k == first ? remainder : 0);  // C(k + 1)
        symbol += up_to <= u ? 1 : 0;
    });
    return __shfl_sync(~0u, symbol, __ffs(static_cast<int>(reached)) - 1);
}

// Draws a symbol, or takes the given one. Sets `softmax`, from which its log2_prob is computed.
__device__ inline std::uint32_t choose_categorical(const DeviceDistribution& distribution, const float* logits,
                                                   float* e, const Request& request, Softmax& softmax) {
    const std::uint32_t symbols = distribution.symbols;
    float maximum = logits[0];
    each_spread(symbols, [&](std::uint32_t k) { maximum = larger(logits[k], maximum); });
    maximum = warp_maximum(maximum);
    const float model_sum = exponentials(logits, maximum, 1.0f, symbols, e);
    softmax = {maximum, model_sum};
    if (!request.draws) return request.symbol;
    float sum = model_sum;
    if (request.temperature != 1.0f) sum = exponentials(logits, maximum, request.temperature, symbols, e);
    if (request.top_p < 1.0) sum = keep_nucleus(logits, symbols, request.top_p, e);
    std::uint32_t first = symbols;
    each_spread(symbols, [&](std::uint32_t k) { first = logits[k] == maximum && k < first ? k : first; });
    return find_symbol(distribution, e, sum, warp_minimum(first), request.u, request.exact);
}

__device__ inline double categorical_log2_prob(const DeviceDistribution& distribution, const float* logits,
                                               std::uint32_t symbol, const Softmax& softmax) {
    const double probability = static_cast<double>(exponential_of(logits[symbol], softmax.maximum, 1.0f));
    return log2_prob_of_code(probability / static_cast<double>(softmax.sum), distribution.codes[symbol]);
}

}  // namespace wavegen::cuda
