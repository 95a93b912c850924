// The layout of a block's data: offsets in bytes from the start of its shared memory.
#pragma once

#include "common/host_device.h"
#include "cuda/model.h"

namespace wavegen::cuda {

WAVEGEN_HOST_DEVICE constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

struct ThroughputLayout {
    std::size_t conditions, scratch, input, x, z, skip, hidden, params, bytes;  // the locations are at 0

    static WAVEGEN_HOST_DEVICE ThroughputLayout of(const DeviceModel& model, std::size_t streams, std::size_t warps) {
        ThroughputLayout p{};
        const std::size_t row = streams * sizeof(float);
        p.conditions = aligned(streams * sizeof(double));
        p.scratch = p.conditions + aligned(streams * sizeof(const float*));
        p.input = p.scratch + warps * model.scratch;
        p.x = p.input + aligned(model.inputs.channels * row);
        p.z = p.x + aligned(model.front.outputs * row);
        p.skip = p.z + aligned(model.half * row);
        p.hidden = p.skip + aligned(model.head.outputs * row);
        p.params = p.hidden + aligned(model.head.outputs * row);
        p.bytes = p.params + aligned(model.output.outputs * row);
        return p;
    }
};

WAVEGEN_HOST_DEVICE constexpr std::uint32_t quads(std::uint32_t count) { return (count + 3) / 4 * 4; }

// How few streams run through a group of blocks. All blocks but the last own layers, evenly distributed; the last is
// the end block. The streams of a group are pipelined.
struct LatencyPlan {
    std::uint32_t blocks, streams;  // per group; of streams at most
    std::uint32_t groups;
    std::uint32_t lead_threads, skip_threads, past_threads;  // per role, in a block that owns layers
    std::uint32_t skip_on_chip, head_on_chip, output_on_chip, front_on_chip;
    std::uint32_t bfloat16, cluster;
    std::uint32_t inputs;  // for which the kernel is compiled, see LayerMemory; or 0
    std::size_t bytes;     // of shared memory per block

    WAVEGEN_HOST_DEVICE std::uint32_t threads() const { return lead_threads + skip_threads + past_threads; }
    WAVEGEN_HOST_DEVICE std::uint32_t first_layer(std::uint32_t block, std::uint32_t layers) const {
        return layers * block / (blocks - 1);
    }
    WAVEGEN_HOST_DEVICE std::uint32_t max_layers(std::uint32_t layers) const {
        return (layers + blocks - 2) / (blocks - 1);
    }
};

// The messages from the previous block: x and the skip sums of each stream. In a cluster they are at the start of
// shared memory, else in global memory. Cleared to item 0, which no message has.
struct MessageLayout {
    std::size_t skip, bytes;  // x is at 0

    static WAVEGEN_HOST_DEVICE MessageLayout of(const DeviceModel& model, std::size_t streams) {
        constexpr std::size_t kMessage = 8;
        MessageLayout p{};
        p.skip = streams * quads(model.front.outputs) * kMessage;
        p.bytes = p.skip + streams * quads(model.head.outputs) * kMessage;
        return p;
    }
};

// Of a block that owns layers; `each_…` is the distance between two layers' matrices.
struct LayerLayout {
    std::uint32_t done, ahead_done, x, z, ahead, bias, gates, residual, skip, each_gates, each_residual, each_skip;
    std::uint32_t layers;  // at most
    std::size_t bytes;

    static WAVEGEN_HOST_DEVICE LayerLayout of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t layers = plan.max_layers(model.layers), weight = plan.bfloat16 ? 2 : 4, real = sizeof(float);
        LayerLayout p{};
        p.layers = static_cast<std::uint32_t>(layers);
        std::size_t at = MessageLayout::of(model, plan.streams).bytes;
        const auto reserve = [&at](std::size_t bytes) {
            const std::size_t offset = at;
            at += aligned(bytes);
            return static_cast<std::uint32_t>(offset);
        };
        const auto reserve_each = [&](std::size_t numbers, std::uint32_t& each) {
            each = static_cast<std::uint32_t>(aligned(numbers * weight));
            return reserve(layers * aligned(numbers * weight));
        };
        p.done = reserve(layers * sizeof(std::uint32_t));
        p.ahead_done = reserve(sizeof(std::uint32_t));
        p.x = reserve(plan.streams * layers * quads(model.front.outputs) * real);
        p.z = reserve(plan.streams * layers * quads(model.half) * real);
        p.ahead = reserve(plan.streams * layers * 2 * model.half * real);
        p.bias = reserve(layers * model.front.outputs * real);
        p.gates = reserve_each(std::size_t{model.residual} * 2 * model.half, p.each_gates);
        p.residual = reserve_each(std::size_t{model.half} * model.front.outputs, p.each_residual);
        if (plan.skip_on_chip) p.skip = reserve_each(std::size_t{model.half} * model.head.outputs, p.each_skip);
        p.bytes = at;
        return p;
    }
};

// Of the end block.
struct EndLayout {
    std::uint32_t location, scratch, input, ahead, skip, hidden, params, head_bias, output_bias, head, output, front;
    std::size_t bytes;

    static WAVEGEN_HOST_DEVICE EndLayout of(const DeviceModel& model, const LatencyPlan& plan) {
        const std::size_t real = sizeof(float);
        EndLayout p{};
        std::size_t at = MessageLayout::of(model, plan.streams).bytes;
        const auto reserve = [&at](std::size_t bytes) {
            const std::size_t offset = at;
            at += aligned(bytes);
            return static_cast<std::uint32_t>(offset);
        };
        p.location = reserve(plan.streams * sizeof(double));
        p.scratch = reserve(model.scratch);
        p.input = reserve(quads(model.inputs.channels) * real);
        p.ahead = reserve(plan.streams * model.front.outputs * real);
        p.skip = reserve(quads(model.head.outputs) * real);
        p.hidden = reserve(quads(model.head.outputs) * real);
        p.params = reserve(quads(model.output.outputs) * real);
        p.head_bias = reserve(model.head.outputs * real);
        p.output_bias = reserve(model.output.outputs * real);
        if (plan.head_on_chip) p.head = reserve(std::size_t{model.skip} * model.head.outputs * real);
        if (plan.output_on_chip) p.output = reserve(std::size_t{model.skip} * model.output.outputs * real);
        if (plan.front_on_chip) p.front = reserve(std::size_t{model.inputs.channels} * model.front.outputs * real);
        p.bytes = at;
        return p;
    }
};

// Computed on the host and passed as a kernel argument, where it takes no registers.
struct LatencyLayout {
    MessageLayout message;
    LayerLayout layer;
    EndLayout end;
};

}  // namespace wavegen::cuda
