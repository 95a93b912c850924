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

std::uint32_t whole_warps(std::size_t threads, std::size_t most) {
    return static_cast<std::uint32_t>((std::min(threads, most) + kWarp - 1) / kWarp * kWarp);
}

// Threads for the most tasks that a block has at once.
std::size_t threads_for(const DeviceModel& model, std::size_t width) {
    const std::size_t pairs = std::max({std::size_t{model.half}, (std::size_t{model.skip} + model.residual) / 2,
                                        std::size_t{model.output.outputs} / 2});
    return whole_warps(pairs * (width / kColumns), 256);
}

}  // namespace

// Groups are wide where that still leaves every multiprocessor one: then each weight that is fetched serves more.
ThroughputShape throughput_shape(const Weights& weights, std::size_t streams) {
    const DeviceModel& model = weights.model();
    const std::size_t most = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    std::size_t width = streams > kNarrow * attribute(cudaDevAttrMultiProcessorCount) ? kWide : kNarrow;
    ThroughputShape shape{};
    for (;; width = kNarrow) {
        shape.threads = static_cast<std::uint32_t>(threads_for(model, width));
        shape.bytes = ThroughputPlaces::of(model, width, shape.threads / kWarp).bytes;
        shape.shared = shape.bytes <= most;
        if (shape.shared || width == kNarrow) break;
    }
    shape.bfloat16 = weights.bfloat16();
    shape.width = static_cast<std::uint32_t>(width);
    return shape;
}

namespace {

constexpr std::size_t kMostInCluster = 16, kMostInGroup = 8;  // blocks of a cluster, streams of a group

// The bytes of the larger kind of block, as they would be.
std::size_t needed(const DeviceModel& model, const LatencyPlan& plan) {
    return std::max(LayerPlaces::of(model, plan).bytes, EndPlaces::of(model, plan).bytes);
}

// As few blocks as the layers' weights fit in, for every hand-over takes time; then as much of the head and of
// the front as fits.
std::optional<LatencyPlan> fewest_blocks(const DeviceModel& model, LatencyPlan plan, std::size_t most_blocks) {
    const std::size_t most = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    most_blocks = std::min<std::size_t>(most_blocks, model.layers + 1);
    for (plan.blocks = 2; plan.blocks <= most_blocks; ++plan.blocks) {
        if (needed(model, plan) > most) continue;
        plan.output_on_chip = 1;
        plan.output_on_chip = needed(model, plan) <= most;
        plan.head_on_chip = 1;
        plan.head_on_chip = needed(model, plan) <= most;
        plan.front_on_chip = 1;
        plan.front_on_chip = needed(model, plan) <= most;
        plan.bytes = needed(model, plan);
        return plan;
    }
    return std::nullopt;
}

// Of every layer, if two columns of weights of so many fit in a thread's registers.
std::uint32_t compiled_inputs(const DeviceModel& model, bool bfloat16) {
    const bool alike = model.residual == model.half && model.front.outputs == model.half;
    const bool fits = model.half == 64 || (model.half == 128 && bfloat16);
    return alike && fits ? model.half : 0;
}

// In clusters, if the device has them and the layers fit in one, best of all with their skip weights.
std::optional<LatencyPlan> plan_for(const Weights& weights, std::size_t streams, std::size_t together) {
    const DeviceModel& model = weights.model();
    LatencyPlan plan{};
    plan.streams = static_cast<std::uint32_t>(together);
    plan.groups = static_cast<std::uint32_t>((streams + together - 1) / together);
    plan.bfloat16 = weights.bfloat16();
    plan.inputs = compiled_inputs(model, plan.bfloat16 != 0);
    // Threads enough for all at once, if they are not more than the kernel can have with its registers.
    const std::size_t pairs = std::max<std::size_t>(model.half, model.front.outputs / 2);
    plan.leads = plan.inputs != 0 ? 2 * plan.inputs : whole_warps(pairs, 128);
    const std::size_t most = plan.inputs != 0 ? 64 : 128;
    plan.skips = whole_warps(model.head.outputs / 2, most);
    plan.pasts = whole_warps(model.half, most);
    const bool clusters = attribute(cudaDevAttrComputeCapabilityMajor) >= 9;
    for (const bool cluster : {true, false})
        for (const bool skip : {true, false}) {
            if (cluster ? !clusters : attribute(cudaDevAttrCooperativeLaunch) == 0) continue;
            plan.cluster = cluster;
            plan.skip_on_chip = skip;
            const std::size_t most = cluster ? kMostInCluster : attribute(cudaDevAttrMultiProcessorCount);
            const auto found = fewest_blocks(model, plan, most);
            if (found && groups_at_once(*found) >= plan.groups) return found;
        }
    return std::nullopt;
}

}  // namespace

std::optional<LatencyPlan> latency_plan(const Weights& weights, std::size_t streams) {
    for (std::size_t together = 1; together <= kMostInGroup; ++together)
        if (const auto plan = plan_for(weights, streams, together)) return plan;
    return std::nullopt;
}

}  // namespace wavegen::cuda
