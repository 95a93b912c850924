// Where a block keeps its numbers: in bytes from the start of its shared memory.
#pragma once

#include "common/host_device.h"
#include "cuda/model.h"

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
    std::uint32_t skip_on_chip, head_on_chip, output_on_chip, front_on_chip;
    std::uint32_t bfloat16, cluster;
    std::uint32_t inputs;  // for which the kernel was compiled, see LayerBlock; 0 if for none
    std::size_t bytes;     // of shared memory of each block

    WAVEGEN_BOTH std::uint32_t threads() const { return leads + skips + pasts; }
    WAVEGEN_BOTH std::uint32_t first_layer(std::uint32_t block, std::uint32_t layers) const {
        return layers * block / (blocks - 1);
    }
    WAVEGEN_BOTH std::uint32_t most_layers(std::uint32_t layers) const { return (layers + blocks - 2) / (blocks - 1); }
};

// What the block before hands over: letters with x and the skip sums of each stream. In a cluster they are at the start
// of the shared memory, else in global memory; no item is 0.
struct MailPlaces {
    std::size_t skip, bytes;  // x comes first

    static WAVEGEN_BOTH MailPlaces of(const DeviceModel& model, std::size_t streams) {
        constexpr std::size_t kLetter = 8;
        MailPlaces p{};
        p.skip = streams * quads(model.front.outputs) * kLetter;
        p.bytes = p.skip + streams * quads(model.head.outputs) * kLetter;
        return p;
    }
};

// Of a block that owns layers; `each_…` is from one layer's matrix to the next one's.
struct LayerPlaces {
    std::uint32_t done, ahead_done, x, z, ahead, bias, gates, residual, skip, each_gates, each_residual, each_skip;
    std::uint32_t layers;  // at most
    std::size_t bytes;

    static WAVEGEN_BOTH LayerPlaces of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t layers = plan.most_layers(model.layers), weight = plan.bfloat16 ? 2 : 4, real = sizeof(float);
        LayerPlaces p{};
        p.layers = static_cast<std::uint32_t>(layers);
        std::size_t at = MailPlaces::of(model, plan.streams).bytes;
        const auto take = [&at](std::size_t bytes) {
            const std::size_t place = at;
            at += aligned(bytes);
            return static_cast<std::uint32_t>(place);
        };
        const auto take_each = [&](std::size_t numbers, std::uint32_t& each) {
            each = static_cast<std::uint32_t>(aligned(numbers * weight));
            return take(layers * aligned(numbers * weight));
        };
        p.done = take(layers * sizeof(std::uint32_t));
        p.ahead_done = take(sizeof(std::uint32_t));
        p.x = take(plan.streams * layers * quads(model.front.outputs) * real);
        p.z = take(plan.streams * layers * quads(model.half) * real);
        p.ahead = take(plan.streams * layers * 2 * model.half * real);
        p.bias = take(layers * model.front.outputs * real);
        p.gates = take_each(std::size_t{model.residual} * 2 * model.half, p.each_gates);
        p.residual = take_each(std::size_t{model.half} * model.front.outputs, p.each_residual);
        if (plan.skip_on_chip) p.skip = take_each(std::size_t{model.half} * model.head.outputs, p.each_skip);
        p.bytes = at;
        return p;
    }
};

// Of the block at the ends.
struct EndPlaces {
    std::uint32_t location, scratch, heard, ahead, skip, hidden, params, head_bias, output_bias, head, output, front;
    std::size_t bytes;

    static WAVEGEN_BOTH EndPlaces of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t real = sizeof(float);
        EndPlaces p{};
        std::size_t at = MailPlaces::of(model, plan.streams).bytes;
        const auto take = [&at](std::size_t bytes) {
            const std::size_t place = at;
            at += aligned(bytes);
            return static_cast<std::uint32_t>(place);
        };
        p.location = take(plan.streams * sizeof(double));
        p.scratch = take(model.scratch);
        p.heard = take(quads(model.inputs.channels) * real);
        p.ahead = take(plan.streams * model.front.outputs * real);
        p.skip = take(quads(model.head.outputs) * real);
        p.hidden = take(quads(model.head.outputs) * real);
        p.params = take(quads(model.output.outputs) * real);
        p.head_bias = take(model.head.outputs * real);
        p.output_bias = take(model.output.outputs * real);
        if (plan.head_on_chip) p.head = take(std::size_t{model.skip} * model.head.outputs * real);
        if (plan.output_on_chip) p.output = take(std::size_t{model.skip} * model.output.outputs * real);
        if (plan.front_on_chip) p.front = take(std::size_t{model.inputs.channels} * model.front.outputs * real);
        p.bytes = at;
        return p;
    }
};

// All that a block of the latency kernel would have to work out of a plan; as a kernel's argument it takes no
// registers.
struct LatencyPlaces {
    MailPlaces mail;
    LayerPlaces layer;
    EndPlaces end;
};

}  // namespace wavegen::cuda
