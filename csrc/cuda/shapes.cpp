#include "shapes.h"

#include <algorithm>

#include "places.h"

namespace wavegen::cuda {

namespace {

constexpr std::size_t kNarrow = 4, kWide = 16;  // streams of a group

std::size_t attribute(cudaDeviceAttr which) {
    int device = 0, value = 0;
    check(cudaGetDevice(&device));
    check(cudaDeviceGetAttribute(&value, which, device));
    return static_cast<std::size_t>(value);
}

// Threads for the most tasks that a block has at once.
std::size_t threads_for(const DeviceModel& model, std::size_t width) {
    const std::size_t pairs = std::max({std::size_t{model.half}, (std::size_t{model.skip} + model.residual) / 2,
                                        std::size_t{model.output.outputs} / 2});
    const std::size_t tasks = pairs * (width / kColumns);
    return std::min<std::size_t>(256, (tasks + kWarp - 1) / kWarp * kWarp);
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

}  // namespace wavegen::cuda
