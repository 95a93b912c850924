// Launches the kernels. Compiled by nvcc, in tests by any C++ compiler.
#include "cuda/kernels.h"
#include "cuda/latency.cuh"
#include "cuda/throughput.cuh"

namespace wavegen::cuda {

namespace {

// Allows a kernel the maximum of dynamic shared memory. The limit belongs to the function, not to a launch, so it is
// always set to the same value: no engine can lower another's.
template <class Kernel>
cudaError_t allow_shared_memory(Kernel kernel) {
    int device = 0, max_bytes = 0;
    cudaError_t error = cudaGetDevice(&device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&max_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (error != cudaSuccess) return error;
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, max_bytes);
}

template <class Weight, std::uint32_t kWidth, bool kShared>
cudaError_t start(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream) {
    const auto kernel = throughput<Weight, kWidth, kShared>;
    const int bytes = kShared ? static_cast<int>(shape.bytes) : 0;
    const cudaError_t sized = allow_shared_memory(kernel);
    if (sized != cudaSuccess) return sized;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3((launch.streams.count + kWidth - 1) / kWidth);
    config.blockDim = dim3(shape.threads);
    config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, launch, spilled);
}

template <class Weight>
cudaError_t start_any(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream) {
    if (!shape.shared) return start<Weight, 4, false>(shape, launch, spilled, stream);
    if (shape.width == 4) return start<Weight, 4, true>(shape, launch, spilled, stream);
    return start<Weight, 16, true>(shape, launch, spilled, stream);
}

using LatencyKernel = void (*)(Launch, LatencyPlan, LatencyLayout, char*);

template <class Weight, std::uint32_t kInputs>
LatencyKernel latency_kernel_of(const LatencyPlan& plan) {
    return plan.cluster ? latency<Weight, true, kInputs> : latency<Weight, false, kInputs>;
}

LatencyKernel latency_kernel(const LatencyPlan& plan) {
    if (!plan.bfloat16)
        return plan.inputs == 64 ? latency_kernel_of<float, 64>(plan) : latency_kernel_of<float, 0>(plan);
    if (plan.inputs == 64) return latency_kernel_of<Bfloat16, 64>(plan);
    return plan.inputs == 128 ? latency_kernel_of<Bfloat16, 128>(plan) : latency_kernel_of<Bfloat16, 0>(plan);
}

// The launch configuration of a plan.
struct Start {
    Start(const LatencyPlan& plan, cudaStream_t stream) {
        const auto kernel = latency_kernel(plan);
        error = allow_shared_memory(kernel);
        if (plan.cluster && error == cudaSuccess)
            error = cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
        config.gridDim = dim3(plan.groups * plan.blocks);
        config.blockDim = dim3(plan.threads());
        config.dynamicSmemBytes = plan.bytes;
        config.stream = stream;
        config.attrs = &attribute;
        config.numAttrs = 1;
        if (plan.cluster) {
            attribute.id = cudaLaunchAttributeClusterDimension;
            attribute.val.clusterDim.x = plan.blocks;
            attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
        } else {
            attribute.id = cudaLaunchAttributeCooperative;
            attribute.val.cooperative = 1;
        }
    }
    cudaError_t error;
    cudaLaunchAttribute attribute{};
    cudaLaunchConfig_t config{};
};

}  // namespace

std::size_t groups_at_once(const LatencyPlan& plan) {
    Start start(plan, nullptr);
    int count = 0;
    if (start.error == cudaSuccess && plan.cluster) {
        start.error = cudaOccupancyMaxActiveClusters(&count, latency_kernel(plan), &start.config);
    } else if (start.error == cudaSuccess) {
        int device = 0, multiprocessors = 0;
        cudaGetDevice(&device);
        cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
        start.error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, latency_kernel(plan),
                                                                    static_cast<int>(plan.threads()), plan.bytes);
        count = count * multiprocessors / static_cast<int>(plan.blocks);
    }
    cudaGetLastError();  // not fitting is not an error here
    return start.error == cudaSuccess ? static_cast<std::size_t>(count) : 0;
}

cudaError_t run_latency(const LatencyPlan& plan, const Launch& launch, char* messages, std::size_t bytes,
                        cudaStream_t stream) {
    Start start(plan, stream);
    if (start.error == cudaSuccess && bytes != 0) start.error = cudaMemsetAsync(messages, 0, bytes, stream);
    if (start.error != cudaSuccess) return start.error;
    const DeviceModel& model = launch.model;
    const LatencyLayout layout{MessageLayout::of(model, plan.streams), LayerLayout::of(model, plan),
                               EndLayout::of(model, plan)};
    return cudaLaunchKernelEx(&start.config, latency_kernel(plan), launch, plan, layout, messages);
}

cudaError_t run_throughput(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream) {
    return shape.bfloat16 ? start_any<Bfloat16>(shape, launch, spilled, stream)
                          : start_any<float>(shape, launch, spilled, stream);
}

cudaError_t run_look_up(const DeviceModel& model, const float* params, double location, const Request& how,
                        std::size_t count, const std::uint32_t* us, std::uint32_t* symbols, double* log2_prob) {
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(count));
    config.blockDim = dim3(kWarp);
    config.dynamicSmemBytes = model.scratch;
    return cudaLaunchKernelEx(&config, look_up, model.distribution, params, location, how, us, symbols, log2_prob);
}

cudaError_t take_clocks(unsigned long long (&cycles)[static_cast<int>(Phase::count)]) {
    const unsigned long long zeros[static_cast<int>(Phase::count)] = {};
    std::memcpy(cycles, zeros, sizeof zeros);
#ifdef WAVEGEN_CLOCKS
    const cudaError_t error = cudaMemcpyFromSymbol(cycles, phase_cycles, sizeof cycles);
    if (error != cudaSuccess) return error;
    return cudaMemcpyToSymbol(phase_cycles, zeros, sizeof zeros);
#else
    return cudaSuccess;
#endif
}

}  // namespace wavegen::cuda
