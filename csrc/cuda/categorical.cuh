// One logit a symbol, as csrc/distributions/categorical.cpp has it, by a warp.
#pragma once

#include "cuda/device.cuh"
#include "cuda/distribution.h"
#include "distributions/tables.h"

namespace wavegen::cuda {

constexpr std::uint32_t kPartials = 16;  // sums, of k mod 16

// Calls with(k) for this lane's share of the symbols, from `lane` on or neighbouring ones. Where they are few, as they
// mostly are, the compiler knows at most how many, so that one does not wait for another's loads.
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

// The sum of e in the order of Kernels::exponentials.
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

// e_k for every symbol, and their sum.
__device__ inline float exponentials(const float* logits, float maximum, float temperature, std::uint32_t symbols,
                                     float* e) {
    __syncwarp();  // others may still read what was there
    each_spread(symbols, [&](std::uint32_t k) { e[k] = exponential_of(logits[k], maximum, temperature); });
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

// The symbol k with C(k) <= place < C(k + 1), C as in csrc/distributions/categorical.cpp; each lane counts neighbouring symbols.
__device__ inline std::uint32_t find_symbol(const DeviceHead& head, const float* e, float sum, std::uint32_t first,
                                            std::uint32_t place, bool exact) {
    const float r = static_cast<float>(kModelShare) / sum;
    const auto count = [&](std::uint32_t k) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(e[k] * r)); };
    const std::uint32_t mask = exact ? ~std::uint32_t{0} : 0;
    const std::uint32_t each = (head.symbols + kWarp - 1) / kWarp;
    const std::uint32_t begin = lane() * each < head.symbols ? lane() * each : head.symbols;
    const std::uint32_t end = begin + each < head.symbols ? begin + each : head.symbols;
    std::uint32_t counted = 0, codes = 0;
    each_between(begin, end, [&](std::uint32_t k) {
        counted += count(k);
        codes += static_cast<std::uint32_t>(head.codes[k]) & mask;
    });
    const std::uint32_t remainder = kModelShare - warp_sum(counted);
    const std::uint32_t own = counted + codes + (begin <= first && first < end ? remainder : 0);
    const std::uint32_t above = warp_prefix_sum(own);  // C(end)
    const std::uint32_t reached = __ballot_sync(~0u, place < above);
    if (reached == 0) return head.symbols - 1;
    std::uint32_t symbol = begin, up_to = above - own;
    each_between(begin, end, [&](std::uint32_t k) {
        up_to +=
            count(k) + (static_cast<std::uint32_t>(head.codes[k]) & mask) + (k == first ? remainder : 0);  // C(k + 1)
        symbol += up_to <= place ? 1 : 0;
    });
    return __shfl_sync(~0u, symbol, __ffs(static_cast<int>(reached)) - 1);
}

// Draws a symbol if asked to, else takes the given one; `known` is what its log2_prob is computed from.
__device__ inline std::uint32_t choose_categorical(const DeviceHead& head, const float* logits, float* e,
                                                   const Asked& asked, Known& known) {
    const std::uint32_t symbols = head.symbols;
    float maximum = logits[0];
    each_spread(symbols, [&](std::uint32_t k) { maximum = larger(logits[k], maximum); });
    maximum = warp_maximum(maximum);
    const float model_sum = exponentials(logits, maximum, 1.0f, symbols, e);
    known = {maximum, model_sum};
    if (!asked.draws) return asked.symbol;
    float sum = model_sum;
    if (asked.temperature != 1.0f) sum = exponentials(logits, maximum, asked.temperature, symbols, e);
    if (asked.top_p < 1.0) sum = keep_nucleus(logits, symbols, asked.top_p, e);
    std::uint32_t first = symbols;
    each_spread(symbols, [&](std::uint32_t k) { first = logits[k] == maximum && k < first ? k : first; });
    return find_symbol(head, e, sum, warp_minimum(first), asked.place, asked.exact);
}

__device__ inline double categorical_log2_prob(const DeviceHead& head, const float* logits, std::uint32_t symbol,
                                               const Known& known) {
    const double probability = static_cast<double>(exponential_of(logits[symbol], known.maximum, 1.0f));
    return log2_prob_of_code(probability / static_cast<double>(known.sum), head.codes[symbol]);
}

}  // namespace wavegen::cuda
