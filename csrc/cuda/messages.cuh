// Synchronisation of the latency kernel. Between blocks: messages, relaxed 64-bit words that carry their own tag.
// Between warps of a block: monotonic counters with release and acquire, and named barriers. Scopes and orders are
// those of the PTX memory model.
#pragma once

#include "cuda/device.cuh"

namespace wavegen::cuda {

enum class Scope { cluster, gpu };  // of the blocks that exchange messages

// A number and its item in one naturally aligned 64-bit word. Sender and receiver access it with relaxed operations
// of the same size at a common scope, so they are morally strong and single-copy atomic: a load that returns the
// item also returns its number. No happens-before is needed, and none is established for other memory. Two words are
// moved by one vector instruction; the memory model treats them as two accesses, so the receiver checks both items.
struct alignas(8) Message {
    float number;
    std::uint32_t item;
};
struct alignas(16) MessagePair {
    Message even, odd;
};

#ifdef __CUDACC__

__device__ inline std::uint64_t word_of(const Message& message) {
    return std::uint64_t{message.item} << 32 | __float_as_uint(message.number);
}
__device__ inline Message message_of(std::uint64_t word) {
    return {__uint_as_float(static_cast<std::uint32_t>(word)), static_cast<std::uint32_t>(word >> 32)};
}
__device__ inline std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// Stores a pair to another block's buffer, in its shared memory (cluster) or in global memory (gpu).
template <Scope kScope>
__device__ inline void send(MessagePair* to, const MessagePair& pair) {
    const std::uint64_t even = word_of(pair.even), odd = word_of(pair.odd);
    if constexpr (kScope == Scope::cluster)
        asm volatile("st.relaxed.cluster.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(even), "l"(odd) : "memory");
    else
        asm volatile("st.relaxed.gpu.v2.b64 [%0], {%1, %2};" ::"l"(to), "l"(even), "l"(odd) : "memory");
}

// Loads a pair from this block's buffer.
template <Scope kScope>
__device__ inline MessagePair load_pair(const MessagePair* from) {
    std::uint64_t even, odd;
    if constexpr (kScope == Scope::cluster)
        asm volatile("ld.relaxed.cluster.shared::cta.v2.b64 {%0, %1}, [%2];"
                     : "=l"(even), "=l"(odd)
                     : "r"(shared_address(from))
                     : "memory");
    else
        asm volatile("ld.relaxed.gpu.v2.b64 {%0, %1}, [%2];" : "=l"(even), "=l"(odd) : "l"(from) : "memory");
    return {message_of(even), message_of(odd)};
}

// Polls this block's buffer until both words are of `item`. The data is in the words: no acquire is needed.
template <Scope kScope>
__device__ inline MessagePair receive(const MessagePair* from, std::uint32_t item) {
    MessagePair found = load_pair<kScope>(from);
    while (found.even.item != item || found.odd.item != item) found = load_pair<kScope>(from);
    return found;
}

// Release store to a counter in shared memory, cta scope. Synchronises with the wait_for() that reads this value or
// a later one of the same thread. One thread calls it after a barrier of all writers, whose writes thereby happen
// before the store.
__device__ inline void publish(std::uint32_t* counter, std::uint32_t value) {
    asm volatile("st.release.cta.shared::cta.u32 [%0], %1;" ::"r"(shared_address(counter)), "r"(value) : "memory");
}

// Acquire loads of a counter until it is at least `value`. Everything that happened before the publish() then
// happens before the return. The thread sleeps between polls, which would take issue slots from the warps it waits
// for.
__device__ inline void wait_for(const std::uint32_t* counter, std::uint32_t value) {
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

// Barrier `id`, 1 to 15, of `count` threads in whole warps: accesses before it happen before accesses after it, for
// all that take part (cta scope).
__device__ inline void named_barrier(std::uint32_t id, std::uint32_t count) {
    __syncwarp();  // reconverge first: otherwise a diverged warp would stay so
    asm volatile("barrier.sync.aligned %0, %1;" ::"r"(id), "r"(count) : "memory");
}

// Barrier of all threads of a cluster: arrive has release and wait has acquire semantics, at cluster scope.
__device__ inline void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

// Maps an address in this block's shared memory to the same offset in that of block `rank` of the cluster.
__device__ inline char* map_to_block(char* pointer, std::uint32_t rank) {
    char* other;
    asm("mapa.u64 %0, %1, %2;" : "=l"(other) : "l"(pointer), "r"(rank));
    return other;
}

#else

template <Scope kScope>
void send(MessagePair* to, const MessagePair& pair) {
    to->even = pair.even;
    shim::Scheduler::get().yield();
    to->odd = pair.odd;
    shim::Scheduler::get().yield();
}

template <Scope kScope>
MessagePair receive(const MessagePair* from, std::uint32_t item) {
    shim::Scheduler::get().await(&from->even.item, item);
    shim::Scheduler::get().await(&from->odd.item, item);
    if (from->even.item != item || from->odd.item != item) shim::fail("a message was overwritten before it was read");
    return *from;
}

inline void publish(std::uint32_t* counter, std::uint32_t value) {
    *counter = value;
    shim::Scheduler::get().yield();
}

inline void wait_for(const std::uint32_t* counter, std::uint32_t value) {
    shim::Scheduler::get().await(counter, value);
}

inline void named_barrier(std::uint32_t id, std::uint32_t count) {
    shim::Scheduler::get().meet(shim::here().block->barriers[id], count, 10);
}
inline void cluster_barrier() { shim::meet_cluster(); }
inline char* map_to_block(char* pointer, std::uint32_t rank) { return shim::shared_of(pointer, rank); }

#endif

}  // namespace wavegen::cuda
