// What a warp needs while it reads a distribution.
#pragma once

#include "cuda/model.h"

namespace wavegen::cuda {

constexpr std::uint32_t kMostComponents = 64;

struct Components {
    double mean[kMostComponents], inverse_scale[kMostComponents];
    double weight[kMostComponents];  // of the model as it is, or counts of 2^30
    double term[kMostComponents];
};

// How a symbol is drawn: as in Sampling, and the random place in C; or not, then it is given.
struct Asked {
    float temperature;
    double top_p;
    bool exact, draws;
    std::uint32_t place, symbol;
};

// What a log2_prob of logits is computed from.
struct Known {
    float maximum, sum;
};

// Exponentials of every symbol, or Components.
inline std::size_t scratch_bytes(HeadKind kind, std::size_t symbols) {
    return kind == HeadKind::mixture ? sizeof(Components) : (symbols * sizeof(float) + 15) / 16 * 16;
}

}  // namespace wavegen::cuda
