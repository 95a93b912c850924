// What the kernels are handed: plain numbers, and pointers into the device's memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "distributions/component.h"

namespace wavegen::cuda {

constexpr std::uint32_t kWarp = 32;
constexpr std::uint32_t kColumns = 4;  // streams that a thread of the throughput kernel works on at once

// A matrix (inputs, outputs), outputs padded with zeros to an even number, of float32 or of bfloat16: then it is two
// bytes a weight, the even output's the lower half of each word.
struct DeviceMatrix {
    const void* weight;
    const float* bias;  // (outputs,)
    std::uint32_t inputs, outputs;
};

// The gates' outputs alternate between the signal and its opening; their inputs are the taps, oldest first.
struct DeviceLayer {
    DeviceMatrix gates, residual, skip;  // the last layer's residual has no inputs
    std::uint32_t dilation, slots;       // of its queue: all of the past that it sees, and the current step
    std::uint64_t queue;                 // where a group's queue of it begins, in floats for each stream of the group
};

struct DeviceInputs {
    const float* table;        // (symbols, columns)
    const float* error_table;  // (65536,), or null
    const double* weights;     // (taps,)
    const std::int32_t* code_of_symbol;
    std::uint32_t columns, channels, taps;
};

enum class HeadKind : std::uint32_t { categorical, mixture };

struct DeviceHead {
    HeadKind kind;
    std::uint32_t symbols, mixtures;
    const std::int32_t* codes;   // (symbols,)
    const std::uint32_t* below;  // (symbols + 1,)
    const double* offsets;       // (mixtures,)
    const Component::Node* nodes;
    double last_node;
};

struct DeviceModel {
    std::uint32_t front_kernel, residual, half, skip, layers, kernel, params;
    std::uint32_t scratch;  // bytes that a warp needs to read a distribution
    std::uint64_t queue;    // floats of all queues of a stream; the front's is the first
    DeviceMatrix front;     // of float32, as are the next two
    DeviceMatrix head, output;
    const DeviceLayer* layer;  // (layers,)
    DeviceInputs inputs;
    DeviceHead distribution;
};

// Streams in groups of `width`, the last group's surplus streams idle. What a group remembers of a signal is a queue of
// slots, each (width of the signal, streams of the group).
struct DeviceStreams {
    std::uint32_t count, width;
    float* queues;
    std::int32_t* codes;        // (count, taps), a ring
    double* expected;           // (count,) where the predictor saw the next sample
    std::uint32_t* last;        // (count,) symbols
    std::uint32_t* spoilt;      // set if outputs are not finite
    const std::uint32_t* next;  // (layers + 2,) the ring slots that come next: front's, each layer's, the codes'
};

// One call: `steps` samples of every stream.
struct Launch {
    DeviceModel model;
    DeviceStreams streams;
    std::uint32_t steps, draws, exact;  // whether symbols are drawn, or given; with the uniform share
    std::uint64_t time;
    float temperature;
    double top_p;
    const std::uint64_t* seeds;  // (streams,)
    std::uint16_t* symbols;      // (streams, steps)
    double* log2_prob;           // (streams, steps)
};

}  // namespace wavegen::cuda
