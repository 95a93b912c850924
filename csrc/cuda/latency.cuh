// One or few streams: a group of blocks keeps the layers' weights on chip, and a step goes from block to block.
#pragma once

#include "cuda/latency_ends.cuh"
#include "cuda/latency_layers.cuh"

namespace wavegen::cuda {

template <bool kCluster, class Block>
__device__ inline void work(const Block& block) {
    block.prepare();
    __syncthreads();
    if constexpr (kCluster) meet_cluster();  // mailboxes are empty before anyone writes to them
    block.run();
    if constexpr (kCluster) meet_cluster();  // none goes while others write to its shared memory
}

// All blocks of a group must run at once: those of a cluster do, and those of a cooperative launch, for which
// `mailboxes` are zeros at first.
template <class Weight, bool kCluster, std::uint32_t kInputs>
__global__ void __launch_bounds__(kInputs == 64 ? 256 : 384, 1)
    latency(const __grid_constant__ Launch launch, const __grid_constant__ LatencyPlan plan,
            const __grid_constant__ LatencyPlaces places, char* mailboxes) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
    constexpr bool kBuilt = true;
#else
    constexpr bool kBuilt = !kCluster;
#endif
    if constexpr (kBuilt) {
        if constexpr (kCluster) {
            const std::size_t words = places.mail.bytes / sizeof(std::uint32_t);
            for (std::size_t at = threadIdx.x; at < words; at += blockDim.x)
                reinterpret_cast<std::uint32_t*>(shared_memory())[at] = 0;
        }
        if (blockIdx.x % plan.blocks + 1 == plan.blocks)
            work<kCluster>(EndBlock<kCluster, kInputs == 64 ? 16 : 8>(launch, plan, places, mailboxes));
        else
            work<kCluster>(LayerBlock<Weight, kCluster, kInputs>(launch, plan, places, mailboxes));
    }
}

}  // namespace wavegen::cuda
