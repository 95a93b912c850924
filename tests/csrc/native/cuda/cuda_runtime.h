// Stands in for CUDA's header where kernels are compiled for the host, to test them: what wavegen uses of it, and no
// more. The device that it shows is described by the environment, see `device`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <tuple>

#include "intrinsics.h"

enum cudaError_t {
    cudaSuccess,
    cudaErrorMemoryAllocation,
    cudaErrorNoDevice,
    cudaErrorInsufficientDriver,
    cudaErrorInvalidValue
};
enum cudaDeviceAttr {
    cudaDevAttrMaxSharedMemoryPerBlockOptin,
    cudaDevAttrMultiProcessorCount,
    cudaDevAttrComputeCapabilityMajor,
    cudaDevAttrComputeCapabilityMinor,
    cudaDevAttrCooperativeLaunch,
};
enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize,
    cudaFuncAttributeNonPortableClusterSizeAllowed,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
using cudaStream_t = void*;
enum cudaLaunchAttributeID { cudaLaunchAttributeClusterDimension, cudaLaunchAttributeCooperative };
struct cudaLaunchAttribute {
    cudaLaunchAttributeID id;
    struct {
        dim3 clusterDim;
        int cooperative = 0;
    } val;
};
struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    std::size_t dynamicSmemBytes = 0;
    cudaStream_t stream = nullptr;
    cudaLaunchAttribute* attrs = nullptr;
    unsigned numAttrs = 0;
};
struct cudaDeviceProp {
    char name[256];
};

namespace shim {

inline std::map<void*, std::unique_ptr<Guarded>>& allocations() {
    static std::map<void*, std::unique_ptr<Guarded>> all;
    return all;
}
inline std::size_t& allocated() {
    static std::size_t bytes = 0;
    return bytes;
}
// WAVEGEN_SHIM_DEVICES -1: no driver; _SHARED: bytes of a block's shared memory; _SMS: multiprocessors; _MAJOR:
// compute capability; _CLUSTER: most blocks in a cluster; _MEMORY: bytes in all.
inline long device(cudaDeviceAttr which) {
    switch (which) {
        case cudaDevAttrMaxSharedMemoryPerBlockOptin:
            return setting("WAVEGEN_SHIM_SHARED", 232448);
        case cudaDevAttrMultiProcessorCount:
            return setting("WAVEGEN_SHIM_SMS", 132);
        case cudaDevAttrComputeCapabilityMajor:
            return setting("WAVEGEN_SHIM_MAJOR", 9);
        case cudaDevAttrCooperativeLaunch:
            return 1;
        default:
            return 0;
    }
}
inline long largest_cluster() {
    return device(cudaDevAttrComputeCapabilityMajor) < 9 ? 0 : setting("WAVEGEN_SHIM_CLUSTER", 16);
}

}  // namespace shim

inline cudaError_t cudaGetDeviceCount(int* count) {
    *count = static_cast<int>(shim::setting("WAVEGEN_SHIM_DEVICES", 1));
    return *count < 0 ? cudaErrorInsufficientDriver : *count == 0 ? cudaErrorNoDevice : cudaSuccess;
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t error) {
    const char* const words[] = {"no error", "out of memory", "no CUDA-capable device is detected",
                                 "CUDA driver version is insufficient for CUDA runtime version", "invalid argument"};
    return words[error];
}
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
    *value = static_cast<int>(shim::device(which));
    return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::strcpy(properties->name, "a CPU that stands in for a GPU");
    return cudaSuccess;
}
inline cudaError_t cudaMalloc(void** place, std::size_t bytes) {
    if (shim::allocated() + bytes > static_cast<std::size_t>(shim::setting("WAVEGEN_SHIM_MEMORY", 1L << 32)))
        return cudaErrorMemoryAllocation;
    shim::allocated() += bytes;
    auto made = std::make_unique<shim::Guarded>(bytes);
    *place = made->data();
    shim::allocations()[*place] = std::move(made);
    return cudaSuccess;
}
inline cudaError_t cudaFree(void* place) {
    if (place != nullptr) {
        shim::allocated() -= shim::allocations()[place]->size();
        shim::allocations().erase(place);
    }
    return cudaSuccess;
}
inline cudaError_t cudaMemset(void* place, int value, std::size_t bytes) {
    return std::memset(place, value, bytes), cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* place, int value, std::size_t bytes, cudaStream_t) {
    return cudaMemset(place, value, bytes);
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
    return std::memcpy(to, from, bytes), cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute which, int value) {
    const bool fits = which != cudaFuncAttributeMaxDynamicSharedMemorySize ||
                      value <= shim::device(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    return fits ? cudaSuccess : cudaErrorInvalidValue;
}

template <class Kernel>
cudaError_t cudaOccupancyMaxActiveClusters(int* count, Kernel*, const cudaLaunchConfig_t* config) {
    const long blocks = config->attrs[0].val.clusterDim.x;
    *count =
        static_cast<int>(blocks > shim::largest_cluster() ? 0 : shim::device(cudaDevAttrMultiProcessorCount) / blocks);
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* count, Kernel*, int, std::size_t) {
    return *count = 1, cudaSuccess;
}

// One block after another; or all blocks of a cluster, or of a cooperative quantizer, at once.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
    const std::tuple<Parameters...> given(arguments...);
    const std::function<void()> body = [&] { std::apply(kernel, given); };
    auto& scheduler = shim::Scheduler::get();
    scheduler.block_size = config->blockDim;
    scheduler.grid_size = config->gridDim;
    unsigned cluster = 1, together = 1;
    for (unsigned a = 0; a < config->numAttrs; ++a) {
        if (config->attrs[a].id == cudaLaunchAttributeClusterDimension)
            together = cluster = config->attrs[a].val.clusterDim.x;
        else if (config->attrs[a].val.cooperative)
            together = config->gridDim.x;
    }
    const bool fits =
        config->dynamicSmemBytes <= static_cast<std::size_t>(shim::device(cudaDevAttrMaxSharedMemoryPerBlockOptin)) &&
        (cluster == 1 || static_cast<long>(cluster) <= shim::largest_cluster()) && config->gridDim.x % together == 0 &&
        (cluster > 1 || together == 1 || static_cast<long>(together) <= shim::device(cudaDevAttrMultiProcessorCount));
    if (!fits || config->blockDim.x % 32 != 0) return cudaErrorInvalidValue;
    for (unsigned first = 0; first < config->gridDim.x; first += together) {
        std::deque<shim::Block> blocks;
        std::vector<shim::Block*> all;
        shim::Barrier meeting;
        for (unsigned b = 0; b < together; ++b) {
            dim3 index(first + b);
            index.x = first + b;
            blocks.emplace_back(index, b, config->blockDim.x, config->dynamicSmemBytes);
            all.push_back(&blocks.back());
        }
        for (shim::Block& block : blocks) {
            block.cluster = &all;
            block.cluster_barrier = &meeting;
        }
        scheduler.run(all, config->blockDim.x, body);
    }
    return cudaSuccess;
}
