// Common to all blocks of the latency kernel: the own message buffer and the next block's.
#pragma once

#include "cuda/clocks.cuh"
#include "cuda/dot_products.cuh"
#include "cuda/memory_layout.h"
#include "cuda/messages.cuh"

namespace wavegen::cuda {

struct MessageBuffer {
    __device__ MessageBuffer(const MessageLayout& layout, char* base)
        : x(reinterpret_cast<MessagePair*>(base)), skip(reinterpret_cast<MessagePair*>(base + layout.skip)) {}
    MessagePair *x, *skip;
};

// A call's items are the steps of all streams of the group, ordered by step, then by stream. Messages number them from
// one.
//
// Why no message is overwritten before it is read: x, z, sums and messages exist once per stream, so item i + streams
// overwrites those of item i. The end block sends the first x of item i + streams only after the draw of item i, which
// takes the skip sums of item i from all blocks. A load whose value enters these sums is thereby a data dependency of
// the overwriting store, and no load can return a value that depends on the load itself. Messages are relaxed: they
// give no happens-before to any other access. A load whose value enters no message, such as the past warps' copy of x,
// must be ordered by a counter with release and acquire.
template <bool kCluster>
struct BlockRole {
    static constexpr Scope kScope = kCluster ? Scope::cluster : Scope::gpu;

    __device__ BlockRole(const Launch& call, const LatencyPlan& how, const LatencyLayout& layouts, char* messages)
        : launch(call),
          model(call.model),
          plan(how),
          message_layout(layouts.message),
          rank(blockIdx.x % how.blocks),
          first(blockIdx.x / how.blocks * how.streams),
          streams(call.streams.count - first < how.streams ? call.streams.count - first : how.streams),
          items(call.steps * streams),
          in(layouts.message, message_buffer(messages, rank)),
          out(layouts.message, message_buffer(messages, (rank + 1) % how.blocks)) {}

    __device__ char* message_buffer(char* messages, std::uint32_t of) const {
        if constexpr (kCluster) return of == rank ? shared_memory() : map_to_block(shared_memory(), of);
        return messages + (blockIdx.x - rank + of) * message_layout.bytes;
    }
    template <class Number = float>
    __device__ static Number* at(std::uint32_t offset) {
        return reinterpret_cast<Number*>(shared_memory() + offset);
    }
    __device__ float* ring(std::uint32_t stream) const {
        return launch.streams.rings + (first + stream) * model.ring_floats;
    }
    // The first message of a stream, of `numbers` per stream.
    __device__ static MessagePair* messages_of(MessagePair* all, std::uint32_t stream, std::uint32_t numbers) {
        return all + stream * (quads(numbers) / 2);
    }

    const Launch& launch;
    const DeviceModel& model;
    const LatencyPlan& plan;
    const MessageLayout& message_layout;
    std::uint32_t rank, first, streams, items;
    MessageBuffer in, out;
};

__device__ inline void put(const MessagePair& pair, float* to) {
    to[0] = pair.even.number;
    to[1] = pair.odd.number;
}

// Copies whole words, by all threads of the block.
__device__ inline void copy_words(const void* from, void* to, std::size_t bytes) {
    for (std::size_t at = threadIdx.x; at < bytes / 4; at += blockDim.x)
        static_cast<std::uint32_t*>(to)[at] = static_cast<const std::uint32_t*>(from)[at];
}

}  // namespace wavegen::cuda
