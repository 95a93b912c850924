// How warps and blocks tell each other what is done: counters that only grow, and barriers of some warps of a block.
#pragma once

#include "device.cuh"

namespace wavegen::cuda {

enum class Reach { block, cluster, device };  // who is to see what was written before

#ifdef __CUDACC__

// Sets a counter; one thread does, after all that wrote have met at a barrier.
template <Reach kReach>
__device__ inline void say(std::uint32_t* flag, std::uint32_t value) {
    if constexpr (kReach == Reach::block)
        asm volatile("st.release.cta.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
    else if constexpr (kReach == Reach::cluster)
        asm volatile("st.release.cluster.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
    else
        asm volatile("st.release.gpu.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
}

template <Reach kReach>
__device__ inline std::uint32_t load_acquire(const std::uint32_t* flag) {
    std::uint32_t value;
    if constexpr (kReach == Reach::block)
        asm volatile("ld.acquire.cta.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    else if constexpr (kReach == Reach::cluster)
        asm volatile("ld.acquire.cluster.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    else
        asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    return value;
}

template <Reach kReach>
__device__ inline std::uint32_t load_relaxed(const std::uint32_t* flag) {
    std::uint32_t value;
    if constexpr (kReach == Reach::block)
        asm volatile("ld.relaxed.cta.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    else if constexpr (kReach == Reach::cluster)
        asm volatile("ld.relaxed.cluster.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    else
        asm volatile("ld.relaxed.gpu.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    return value;
}

// Acquires once only: each time the multiprocessor's cache loses what it holds for all of the block's warps.
template <Reach kReach>
__device__ inline void poll(const std::uint32_t* flag, std::uint32_t value) {
    while (load_relaxed<kReach>(flag) < value) {
    }
    load_acquire<kReach>(flag);
}

// Threads of whole warps, `count` of them, meet at barrier `id`, 1 to 15.
__device__ inline void meet(std::uint32_t id, std::uint32_t count) {
    asm volatile("barrier.sync %0, %1;" ::"r"(id), "r"(count) : "memory");
}

// All threads of a cluster meet.
__device__ inline void meet_cluster() {
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

// Where a place in this block's shared memory is in that of the cluster's block `rank`.
__device__ inline char* shared_of(char* place, std::uint32_t rank) {
    char* other;
    asm("mapa.u64 %0, %1, %2;" : "=l"(other) : "l"(place), "r"(rank));
    return other;
}

// From the L2 cache: other multiprocessors write there.
__device__ inline float load_fresh(const float* place) { return __ldcg(place); }

#else

template <Reach kReach>
void say(std::uint32_t* flag, std::uint32_t value) {
    *flag = value;
    shim::Scheduler::get().yield();
}

template <Reach kReach>
void poll(const std::uint32_t* flag, std::uint32_t value) {
    shim::Scheduler::get().await(flag, value);
}

inline void meet(std::uint32_t id, std::uint32_t count) {
    shim::Scheduler::get().meet(shim::here().block->barriers[id], count, 10);
}
inline void meet_cluster() { shim::meet_cluster(); }
inline char* shared_of(char* place, std::uint32_t rank) { return shim::shared_of(place, rank); }
inline float load_fresh(const float* place) { return *place; }

#endif

// Waits until a counter is `value` at least; all lanes of a warp together. What was written before it got there can
// then be read.
template <Reach kReach>
__device__ inline void await(const std::uint32_t* flag, std::uint32_t value) {
    if (lane() == 0) poll<kReach>(flag, value);
    __syncwarp();
}

}  // namespace wavegen::cuda
