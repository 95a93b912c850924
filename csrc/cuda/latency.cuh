// Few streams: a group of blocks keeps the layers' weights on chip, and a step passes from block to block.
#pragma once

#include "cuda/latency_ends.cuh"
#include "cuda/latency_layers.cuh"

namespace wavegen::cuda {

template <bool kCluster, class Block>
__device__ inline void work(const Block& block) {
    block.prepare();
    __syncthreads();
    if constexpr (kCluster) cluster_barrier();  // clearing the buffers happens before any remote message
    block.run();
    if constexpr (kCluster) cluster_barrier();  // no block exits while others may write to its shared memory
}

// Waiting blocks spin, so all blocks of a group must be resident at once. A cluster and a cooperative launch
// guarantee that. In a cooperative launch `messages` must be zero at first.
template <class Weight, bool kCluster, std::uint32_t kInputs>
__global__ void __launch_bounds__(kInputs == 64 ? 256 : 384, 1)
    latency(const __grid_constant__ Launch launch, const __grid_constant__ LatencyPlan plan,
            const __grid_constant__ LatencyLayout layout, char* messages) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    constexpr bool kBuilt = true;
#else
    constexpr bool kBuilt = !kCluster;
#endif
    if constexpr (kBuilt) {
        if constexpr (kCluster) {
            const std::size_t words = layout.message.bytes / sizeof(std::uint32_t);
            for (std::size_t at = threadIdx.x; at < words; at += blockDim.x)
                reinterpret_cast<std::uint32_t*>(shared_memory())[at] = 0;
        }
        if (blockIdx.x % plan.blocks + 1 == plan.blocks)
            work<kCluster>(EndBlock<kCluster, kInputs == 64 ? 16 : 8>(launch, plan, layout, messages));
        else
            work<kCluster>(LayerBlock<Weight, kCluster, kInputs>(launch, plan, layout, messages));
    }
}

}  // namespace wavegen::cuda
