// How blocks hand numbers to each other, and warps of a block tell what is done: counters that only grow, and barriers
// of some of them.
#pragma once

#include "cuda/device.cuh"

namespace wavegen::cuda {

enum class Reach { cluster, device };  // which blocks hand numbers to each other

// A number and the item that it is of, in one word that is written and read whole: whoever finds the item has the
// number too, and neither side waits for anything else that was written. They travel in pairs.
struct alignas(8) Letter {
    float number;
    std::uint32_t item;
};
struct alignas(16) Letters {
    Letter even, odd;
};

#ifdef __CUDACC__

__device__ inline std::uint64_t word_of(const Letter& letter) {
    return std::uint64_t{letter.item} << 32 | __float_as_uint(letter.number);
}
__device__ inline Letter letter_of(std::uint64_t word) {
    return {__uint_as_float(static_cast<std::uint32_t>(word)), static_cast<std::uint32_t>(word >> 32)};
}
__device__ inline std::uint32_t shared_address(const void* place) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(place));
}

// To a mailbox in another block's shared memory, or in global memory.
template <Reach kReach>
__device__ inline void send(Letters* to, const Letters& letters) {
    const std::uint64_t even = word_of(letters.even), odd = word_of(letters.odd);
    if constexpr (kReach == Reach::cluster)
        asm volatile("st.relaxed.cluster.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(even), "l"(odd) : "memory");
    else
        asm volatile("st.relaxed.gpu.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(even), "l"(odd) : "memory");
}

// What is in this block's mailbox.
template <Reach kReach>
__device__ inline Letters look(const Letters* from) {
    std::uint64_t even, odd;
    if constexpr (kReach == Reach::cluster)
        asm volatile("ld.relaxed.cluster.shared::cta.v2.b64 {%0, %1}, [%2];"
                     : "=l"(even), "=l"(odd)
                     : "r"(shared_address(from))
                     : "memory");
    else
        asm volatile("ld.relaxed.gpu.v2.b64 {%0, %1}, [%2];" : "=l"(even), "=l"(odd) : "l"(from) : "memory");
    return {letter_of(even), letter_of(odd)};
}

// Waits for an item in this block's mailbox.
template <Reach kReach>
__device__ inline Letters receive(const Letters* from, std::uint32_t item) {
    Letters found = look<kReach>(from);
    while (found.even.item != item || found.odd.item != item) found = look<kReach>(from);
    return found;
}

// Sets a counter in shared memory; one thread does, after all that wrote have met at a barrier.
__device__ inline void say(std::uint32_t* counter, std::uint32_t value) {
    asm volatile("st.release.cta.shared::cta.u32 [%0], %1;" ::"r"(shared_address(counter)), "r"(value) : "memory");
}

// Waits until a counter is `value` at least. What was written before it got there can then be read. A thread sleeps
// between looks, which would take time from those that it waits for.
__device__ inline void await(const std::uint32_t* counter, std::uint32_t value) {
    for (;;) {
        std::uint32_t found;
        asm volatile("ld.acquire.cta.shared::cta.u32 %0, [%1];"
                     : "=r"(found)
                     : "r"(shared_address(counter))
                     : "memory");
        if (found >= value) break;
        __nanosleep(20);
    }
}

// Threads of whole warps, `count` of them, meet at barrier `id`, 1 to 15.
__device__ inline void meet(std::uint32_t id, std::uint32_t count) {
    __syncwarp();  // a warp whose lanes have parted would go on so, in as many turns
    asm volatile("barrier.sync.aligned %0, %1;" ::"r"(id), "r"(count) : "memory");
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

#else

template <Reach kReach>
void send(Letters* to, const Letters& letters) {
    to->even = letters.even;
    shim::Scheduler::get().yield();
    to->odd = letters.odd;
    shim::Scheduler::get().yield();
}

template <Reach kReach>
Letters receive(const Letters* from, std::uint32_t item) {
    shim::Scheduler::get().await(&from->even.item, item);
    shim::Scheduler::get().await(&from->odd.item, item);
    if (from->even.item != item || from->odd.item != item) shim::fail("a letter was overwritten before it was read");
    return *from;
}

inline void say(std::uint32_t* counter, std::uint32_t value) {
    *counter = value;
    shim::Scheduler::get().yield();
}

inline void await(const std::uint32_t* counter, std::uint32_t value) { shim::Scheduler::get().await(counter, value); }

inline void meet(std::uint32_t id, std::uint32_t count) {
    shim::Scheduler::get().meet(shim::here().block->barriers[id], count, 10);
}
inline void meet_cluster() { shim::meet_cluster(); }
inline char* shared_of(char* place, std::uint32_t rank) { return shim::shared_of(place, rank); }

#endif

}  // namespace wavegen::cuda
