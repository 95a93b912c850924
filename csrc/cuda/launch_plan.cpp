#include "cuda/launch_plan.h"

#include <algorithm>

#include "cuda/memory_layout.h"

namespace wavegen::cuda {

namespace {

constexpr std::size_t kNarrow = 4, kWide = 16;  // streams of a group

std::size_t attribute(cudaDeviceAttr which) {
    int device = 0, value = 0;
    check(cudaGetDevice(&device));
    check(cudaDeviceGetAttribute(&value, which, device));
    return static_cast<std::size_t>(value);
}

std::uint32_t whole_warps(std::size_t threads, std::size_t max_threads) {
    return static_cast<std::uint32_t>((std::min(threads, max_threads) + kWarp - 1) / kWarp * kWarp);
}

// Threads for the largest number of tasks that a block has at once.
std::size_t threads_for(const DeviceModel& model, std::size_t width) {
    const std::size_t pairs = std::max({std::size_t{model.half}, (std::size_t{model.skip} + model.residual) / 2,
                                        std::size_t{model.output.outputs} / 2});
    return whole_warps(pairs * (width / kColumns), 256);
}

}  // namespace

// Groups are wide if every multiprocessor still gets one: each weight that is loaded then serves more streams.
ThroughputShape throughput_shape(const Weights& weights, std::size_t streams) {
    const DeviceModel& model = weights.model();
    const std::size_t max_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    std::size_t width = streams > kNarrow * attribute(cudaDevAttrMultiProcessorCount) ? kWide : kNarrow;
    ThroughputShape shape{};
    for (;; width = kNarrow) {
        shape.threads = static_cast<std::uint32_t>(threads_for(model, width));
        shape.bytes = ThroughputLayout::of(model, width, shape.threads / kWarp).bytes;
        shape.shared = shape.bytes <= max_bytes;
        if (shape.shared || width == kNarrow) break;
    }
    shape.bfloat16 = weights.bfloat16();
    shape.width = static_cast<std::uint32_t>(width);
    return shape;
}

namespace {

constexpr std::size_t kMaxClusterBlocks = 16, kMaxGroupStreams = 8;  // blocks of a cluster, streams of a group

// The shared memory of the larger kind of block.
std::size_t needed(const DeviceModel& model, const LatencyPlan& plan) {
    return std::max(LayerLayout::of(model, plan).bytes, EndLayout::of(model, plan).bytes);
}

// Uses as few blocks as the layers' weights fit in, since every block adds latency. Then keeps as much of the head
// and the front on chip as fits.
std::optional<LatencyPlan> fewest_blocks(const DeviceModel& model, LatencyPlan plan, std::size_t max_blocks) {
    const std::size_t max_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    max_blocks = std::min<std::size_t>(max_blocks, model.layers + 1);
    for (plan.blocks = 2; plan.blocks <= max_blocks; ++plan.blocks) {
        if (needed(model, plan) > max_bytes) continue;
        plan.output_on_chip = 1;
        plan.output_on_chip = needed(model, plan) <= max_bytes;
        plan.head_on_chip = 1;
        plan.head_on_chip = needed(model, plan) <= max_bytes;
        plan.front_on_chip = 1;
        plan.front_on_chip = needed(model, plan) <= max_bytes;
        plan.bytes = needed(model, plan);
        return plan;
    }
    return std::nullopt;
}

// The compiled number of inputs, if all layers have it and two columns of weights fit in a thread's registers; else
// 0.
std::uint32_t compiled_inputs(const DeviceModel& model, bool bfloat16) {
    const bool alike = model.residual == model.half && model.front.outputs == model.half;
    const bool fits = model.half == 64 || (model.half == 128 && bfloat16);
    return alike && fits ? model.half : 0;
}

// Prefers a cluster, if the device has them and the layers fit in one, and skip weights on chip.
std::optional<LatencyPlan> plan_for(const Weights& weights, std::size_t streams, std::size_t group_streams) {
    const DeviceModel& model = weights.model();
    LatencyPlan plan{};
    plan.streams = static_cast<std::uint32_t>(group_streams);
    plan.groups = static_cast<std::uint32_t>((streams + group_streams - 1) / group_streams);
    plan.bfloat16 = weights.bfloat16();
    plan.inputs = compiled_inputs(model, plan.bfloat16 != 0);
    // One thread per output, up to the limit that the kernel's registers allow.
    const std::size_t pairs = std::max<std::size_t>(model.half, model.front.outputs / 2);
    plan.lead_threads = plan.inputs != 0 ? 2 * plan.inputs : whole_warps(pairs, 128);
    const std::size_t max_threads = plan.inputs != 0 ? 64 : 128;
    plan.skip_threads = whole_warps(model.head.outputs / 2, max_threads);
    plan.past_threads = whole_warps(model.half, max_threads);
    const bool clusters = attribute(cudaDevAttrComputeCapabilityMajor) >= 9;
    for (const bool cluster : {true, false})
        for (const bool skip : {true, false}) {
            if (cluster ? !clusters : attribute(cudaDevAttrCooperativeLaunch) == 0) continue;
            plan.cluster = cluster;
            plan.skip_on_chip = skip;
            const std::size_t max_blocks = cluster ? kMaxClusterBlocks : attribute(cudaDevAttrMultiProcessorCount);
            const auto found = fewest_blocks(model, plan, max_blocks);
            if (found && groups_at_once(*found) >= plan.groups) return found;
        }
    return std::nullopt;
}

}  // namespace

std::optional<LatencyPlan> latency_plan(const Weights& weights, std::size_t streams) {
    for (std::size_t group_streams = 1; group_streams <= kMaxGroupStreams; ++group_streams)
        if (const auto plan = plan_for(weights, streams, group_streams)) return plan;
    return std::nullopt;
}

}  // namespace wavegen::cuda
