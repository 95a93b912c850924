// Starts the kernels. nvcc compiles this file; in a test any C++ compiler does.
#include "kernels.h"

#include "throughput.cuh"

namespace wavegen::cuda {

namespace {

template <class Weight, std::uint32_t kWidth, bool kShared>
cudaError_t start(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream) {
    const auto kernel = throughput<Weight, kWidth, kShared>;
    const int bytes = kShared ? static_cast<int>(shape.bytes) : 0;
    const cudaError_t sized = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
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

}  // namespace

cudaError_t run_throughput(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream) {
    return shape.bfloat16 ? start_any<Bfloat16>(shape, launch, spilled, stream)
                          : start_any<float>(shape, launch, spilled, stream);
}

}  // namespace wavegen::cuda
