// The vectors that condition a network, computed once a frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

// Arrays as PyTorch lays them out, (out, in) row-major. A window is the frames that the encoder sees at once, oldest
// first; without frames `window` is zero.
struct ConditionerArrays {
    std::size_t window, channels, speakers;  // `speakers`: rows of their table, zero without speakers
    ConditionShape shape;
    const float* frames_weight;                // (channels, window)
    const float* bias;                         // (channels,)
    const float* speakers_weight;              // (speakers, channels)
    const float *output_weight, *output_bias;  // (channels, channels)
    const float* projections;                  // (layers, parts * width, channels)
};

// Of a window x and a speaker s:
//
//     h = relu((b + W x) + S[s]), c = V h + d, vector of layer l: C_l c
//
// each output a dot product of its own, from its bias over ascending inputs, in float32. Its vectors have the same
// bits for any instruction set and any number of frames per call.
class Conditioner {
 public:
    Conditioner(const ConditionerArrays& arrays, const Kernels& kernels);

    // Encodes `count` windows (count, window), with the row of the speaker table for each, below speakers(), to
    // vectors (count, floats()). Without a table the rows are not read.
    void encode(const float* windows, const std::uint32_t* speakers, std::size_t count, float* vectors) const;

    std::size_t window() const { return frames_.inputs(); }
    std::size_t speakers() const { return speakers_; }
    std::size_t floats() const { return projections_.outputs(); }

 private:
    const Kernels& kernels_;
    std::size_t speakers_;
    Matrix frames_, output_, projections_;  // the last of all layers side by side
    Floats table_;                          // (speakers, padded channels)
};

}  // namespace wavegen
