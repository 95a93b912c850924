// Kernel arguments: plain numbers and device pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels.h"
#include "distributions/component.h"
#include "engine/conditions.h"

namespace wavegen::cuda {

constexpr std::uint32_t kWarp = 32;
constexpr std::uint32_t kColumns = 4;  // streams per thread of the throughput kernel

// A matrix (inputs, outputs) of float32 or bfloat16. Outputs are padded with zeros to an even number; of bfloat16,
// the even output is in the lower half of each word.
struct DeviceMatrix {
    const void* weight;
    const float* bias;  // (outputs,)
    std::uint32_t inputs, outputs;
};

// Gate outputs alternate between filter and gate. Their inputs are the taps, oldest first.
struct DeviceLayer {
    DeviceMatrix gates, residual, skip;  // the last layer's residual has no inputs
    std::uint32_t dilation,
        slots;           // slots of its ring buffer: the receptive field of its taps, including the current step
    std::uint64_t ring;  // offset of its ring buffer, in floats per stream of the group
};

struct DeviceInputs {
    const float* table;        // (symbols, columns)
    const float* error_table;  // (65536,), or null
    const double* weights;     // (taps,)
    const std::int32_t* code_of_symbol;
    std::uint32_t columns, channels, taps;
};

enum class DistributionKind : std::uint32_t { categorical, mixture };

struct DeviceDistribution {
    DistributionKind kind;
    std::uint32_t symbols, mixtures;
    const std::int32_t* codes;   // (symbols,)
    const std::uint32_t* below;  // (symbols + 1,)
    const double* offsets;       // (mixtures,)
    const Component::Node* nodes;
    double last_node;
};

struct DeviceModel {
    std::uint32_t front_kernel, residual, half, skip, layers, kernel, params;
    std::uint32_t scratch;      // bytes per warp to compute a distribution
    std::uint64_t ring_floats;  // of all ring buffers of a stream; the front's is the first
    DeviceMatrix front;         // float32, as are the next two
    DeviceMatrix head, output;
    const DeviceLayer* layer;  // (layers,)
    DeviceInputs inputs;
    DeviceDistribution distribution;
};

// Where the vector of a layer begins among those of all layers: padded(half) floats for the filter, then as many for
// the gate, as WaveNet::condition() has them.
WAVEGEN_HOST_DEVICE inline std::size_t condition_offset(const DeviceModel& model, std::uint32_t layer) {
    return std::size_t{layer} * 2 * padded(model.half);
}

// Streams in groups of `width`; the surplus streams of the last group are idle. A group's ring buffer of a signal
// has slots of (width of the signal, streams of the group).
struct DeviceStreams {
    std::uint32_t count, width;
    float* rings;
    std::int32_t* codes;        // (count, taps), a ring buffer
    double* expected;           // (count,) predicted locations
    std::uint32_t* last;        // (count,) symbols
    std::uint32_t* not_finite;  // set if outputs are not finite
    const std::uint32_t* next;  // (layers + 2,) next ring slots: front's, each layer's, the codes'
};

// A call: `steps` samples of every stream.
struct Launch {
    DeviceModel model;
    DeviceStreams streams;
    std::uint32_t steps, draws, exact;  // draws: symbols are drawn, else given; exact: with the uniform share
    std::uint64_t time;
    float temperature;
    double top_p;
    const std::uint64_t* seeds;  // (streams,)
    std::uint16_t* symbols;      // (streams, steps)
    double* log2_prob;           // (streams, steps)
    Conditions conditions;       // none if `vectors` is null
};

}  // namespace wavegen::cuda
