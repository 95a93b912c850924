// Where a block keeps its numbers: in bytes from the start of its shared memory.
#pragma once

#include "../both.h"
#include "model.h"

namespace wavegen::cuda {

WAVEGEN_BOTH constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

struct ThroughputPlaces {
    std::size_t scratch, heard, x, z, skip, hidden, params, bytes;  // the locations come first

    static WAVEGEN_BOTH ThroughputPlaces of(const DeviceModel& model, std::size_t streams, std::size_t warps) {
        ThroughputPlaces p{};
        const std::size_t row = streams * sizeof(float);
        p.scratch = aligned(streams * sizeof(double));
        p.heard = p.scratch + warps * model.scratch;
        p.x = p.heard + aligned(model.inputs.channels * row);
        p.z = p.x + aligned(model.front.outputs * row);
        p.skip = p.z + aligned(model.half * row);
        p.hidden = p.skip + aligned(model.head.outputs * row);
        p.params = p.hidden + aligned(model.head.outputs * row);
        p.bytes = p.params + aligned(model.output.outputs * row);
        return p;
    }
};

WAVEGEN_BOTH constexpr std::uint32_t quads(std::uint32_t count) { return (count + 3) / 4 * 4; }

// How one or few streams run through a group of blocks: all but the last own layers, as many each as can be, the last
// is for both ends of the network. Streams that share a group follow each other through it.
struct LatencyPlan {
    std::uint32_t blocks, streams;  // of a group; streams at most
    std::uint32_t groups;
    std::uint32_t leads, skips, pasts;  // threads of each task in a block that owns layers
    std::uint32_t skip_on_chip, head_on_chip, output_on_chip;
    std::uint32_t bfloat16, cluster;
    std::size_t bytes;  // of shared memory of each block

    WAVEGEN_BOTH std::uint32_t threads() const { return leads + skips + pasts; }
    WAVEGEN_BOTH std::uint32_t first_layer(std::uint32_t block, std::uint32_t layers) const {
        return layers * block / (blocks - 1);
    }
    WAVEGEN_BOTH std::uint32_t most_layers(std::uint32_t layers) const { return (layers + blocks - 2) / (blocks - 1); }
};

// What the block before hands over: x and the skip sums of each stream, and counters of how many were handed over. In a
// cluster it is at the start of the shared memory, else in global memory.
struct MailPlaces {
    std::size_t x, skip, bytes;  // the counters come first

    static WAVEGEN_BOTH MailPlaces of(const DeviceModel& model, std::size_t streams) {
        MailPlaces p{};
        p.x = 16;
        p.skip = p.x + streams * quads(model.front.outputs) * sizeof(float);
        p.bytes = p.skip + streams * quads(model.head.outputs) * sizeof(float);
        return p;
    }
};

// Of a block that owns layers.
struct LayerPlaces {
    std::size_t done, ahead_done, x, z, ahead, bias, gates, residual, skip, bytes;

    static WAVEGEN_BOTH LayerPlaces of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t layers = plan.most_layers(model.layers), weight = plan.bfloat16 ? 2 : 4, real = sizeof(float);
        LayerPlaces p{};
        p.done = MailPlaces::of(model, plan.streams).bytes;
        p.ahead_done = p.done + aligned(layers * sizeof(std::uint32_t));
        p.x = p.ahead_done + aligned(layers * sizeof(std::uint32_t));
        p.z = p.x + quads(model.front.outputs) * real;
        p.ahead = p.z + plan.streams * layers * quads(model.half) * real;
        p.bias = p.ahead + aligned(plan.streams * layers * 2 * model.half * real);
        p.gates = p.bias + aligned(layers * model.front.outputs * real);
        p.residual = p.gates + layers * aligned(std::size_t{model.residual} * 2 * model.half * weight);
        p.skip = p.residual + layers * aligned(std::size_t{model.half} * model.front.outputs * weight);
        p.bytes = p.skip;
        if (plan.skip_on_chip) p.bytes += layers * aligned(std::size_t{model.half} * model.head.outputs * weight);
        return p;
    }
};

// Of the block at the ends.
struct EndPlaces {
    std::size_t location, scratch, heard, ahead, skip, hidden, params, head, output, bytes;

    static WAVEGEN_BOTH EndPlaces of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t real = sizeof(float);
        EndPlaces p{};
        p.location = MailPlaces::of(model, plan.streams).bytes;
        p.scratch = p.location + aligned(plan.streams * sizeof(double));
        p.heard = p.scratch + model.scratch;
        p.ahead = p.heard + quads(model.inputs.channels) * real;
        p.skip = p.ahead + aligned(plan.streams * model.front.outputs * real);
        p.hidden = p.skip + quads(model.head.outputs) * real;
        p.params = p.hidden + quads(model.head.outputs) * real;
        p.head = p.params + quads(model.output.outputs) * real;
        p.output = p.head + (plan.head_on_chip ? aligned(std::size_t{model.skip} * model.head.outputs * real) : 0);
        p.bytes = p.output + (plan.output_on_chip ? aligned(std::size_t{model.skip} * model.output.outputs * real) : 0);
        return p;
    }
};

}  // namespace wavegen::cuda
