// Per-warp data of a distribution.
#pragma once

#include "cuda/model.h"

namespace wavegen::cuda {

constexpr std::uint32_t kMaxComponents = 64;

struct Components {
    double mean[kMaxComponents], inverse_scale[kMaxComponents];
    double weight[kMaxComponents];  // of the model, or counts of 2^30
    double term[kMaxComponents];
};

// The parameters of a draw, see Sampling, with its random u; or a given symbol, if not `draws`.
struct Request {
    float temperature;
    double top_p;
    bool exact, draws;
    std::uint32_t u, symbol;
};

// The normalisation of a softmax.
struct Softmax {
    float maximum, sum;
};

// Exponentials of all symbols, or Components.
inline std::size_t scratch_bytes(DistributionKind kind, std::size_t symbols) {
    return kind == DistributionKind::mixture ? sizeof(Components) : (symbols * sizeof(float) + 15) / 16 * 16;
}

}  // namespace wavegen::cuda
