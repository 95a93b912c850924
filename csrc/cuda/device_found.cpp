#include "cuda/device_found.h"

#include <cuda_runtime.h>

#include "cuda/memory.h"

namespace wavegen::cuda {

namespace {

constexpr int kMinMajor = 8;  // compute capability

int attribute(cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, kDevice));
    return value;
}

}  // namespace

std::optional<std::string> missing() try {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (error == cudaErrorInsufficientDriver) return "there is no NVIDIA driver, or it is too old for this CUDA";
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) return "there is no NVIDIA GPU";
    if (error != cudaSuccess) return std::string("CUDA says: ") + cudaGetErrorString(error);
    const int major = attribute(cudaDevAttrComputeCapabilityMajor);
    if (major >= kMinMajor) return std::nullopt;
    return device_name() + " has compute capability " + std::to_string(major) + "." +
           std::to_string(attribute(cudaDevAttrComputeCapabilityMinor)) + "; 8.0 is the least";
} catch (const std::runtime_error& error) {
    return error.what();
}

std::string device_name() {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, kDevice));
    return properties.name;
}

std::size_t multiprocessors() { return static_cast<std::size_t>(attribute(cudaDevAttrMultiProcessorCount)); }

}  // namespace wavegen::cuda
