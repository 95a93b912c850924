// Thread, warp and block primitives of the kernels. Without nvcc, a <cuda_runtime.h> of the tests replaces CUDA's
// and runs each GPU thread as a fiber.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/host_device.h"
#include "cuda/model.h"

namespace wavegen::cuda {

using Vector = float;
WAVEGEN_HOST_DEVICE inline Vector broadcast(float x) { return x; }
WAVEGEN_HOST_DEVICE inline Vector add(Vector a, Vector b) { return a + b; }
WAVEGEN_HOST_DEVICE inline Vector subtract(Vector a, Vector b) { return a - b; }
WAVEGEN_HOST_DEVICE inline Vector multiply(Vector a, Vector b) { return a * b; }
WAVEGEN_HOST_DEVICE inline Vector divide(Vector a, Vector b) { return a / b; }
WAVEGEN_HOST_DEVICE inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
WAVEGEN_HOST_DEVICE inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
WAVEGEN_HOST_DEVICE inline Vector multiply_add(Vector a, Vector b, Vector c) { return fmaf(a, b, c); }
WAVEGEN_HOST_DEVICE inline float of_bits(std::uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
WAVEGEN_HOST_DEVICE inline Vector power_of_two(Vector t) {
    std::uint32_t bits;
    memcpy(&bits, &t, sizeof bits);
    return of_bits((bits << 23) + 0x3F800000u);
}

#include "cpu/activations.inl"

// The block's dynamic shared memory.
#ifdef __CUDACC__
__device__ inline char* shared_memory() {
    extern __shared__ __align__(16) char memory[];
    return memory;
}
#else
inline char* shared_memory() { return shim::here().block->shared.data(); }
#endif

// The numbers of a matrix; tells the compiler that they are in global memory.
template <class Number>
__device__ inline const Number* global_numbers(const void* numbers) {
#ifdef __CUDACC__
    __builtin_assume(__isGlobal(numbers));
#endif
    return static_cast<const Number*>(numbers);
}

__device__ inline std::uint32_t lane() { return threadIdx.x % kWarp; }
__device__ inline std::uint32_t warp() { return threadIdx.x / kWarp; }
__device__ inline std::uint32_t warps() { return blockDim.x / kWarp; }

__device__ inline bool finite(float x) { return x - x == 0.0f; }
__device__ inline float relu(float x) { return x < 0.0f ? 0.0f : x; }  // NaN stays NaN

// Warp reductions; every lane gets the result.
__device__ inline float warp_maximum(float x) {
    for (int by = kWarp / 2; by > 0; by /= 2) x = larger(__shfl_xor_sync(~0u, x, by), x);
    return x;
}
__device__ inline std::uint32_t warp_minimum(std::uint32_t x) {
    for (int by = kWarp / 2; by > 0; by /= 2) {
        const std::uint32_t other = __shfl_xor_sync(~0u, x, by);
        x = other < x ? other : x;
    }
    return x;
}
__device__ inline std::uint32_t warp_sum(std::uint32_t x) {  // modulo 2^32
#ifdef __CUDA_ARCH__
    return __reduce_add_sync(~0u, x);
#else
    for (int by = kWarp / 2; by > 0; by /= 2) x += __shfl_xor_sync(~0u, x, by);
    return x;
#endif
}

// Inclusive prefix sum over the lanes.
__device__ inline std::uint32_t warp_prefix_sum(std::uint32_t x) {
    for (std::uint32_t by = 1; by < kWarp; by *= 2) {
        const std::uint32_t below = __shfl_up_sync(~0u, x, by);
        if (lane() >= by) x += below;
    }
    return x;
}

}  // namespace wavegen::cuda
