// What all blocks of the latency kernel have: a mailbox, and the neighbour whose mailbox they write to.
#pragma once

#include "cuda/clocks.cuh"
#include "cuda/dot_products.cuh"
#include "cuda/memory_layout.h"
#include "cuda/messages.cuh"

namespace wavegen::cuda {

struct Mail {
    __device__ Mail(const MailPlaces& places, char* base)
        : x(reinterpret_cast<Letters*>(base)), skip(reinterpret_cast<Letters*>(base + places.skip)) {}
    Letters *x, *skip;
};

// A call's items are the steps of all streams of the group, ordered by step, then by stream; letters count them from
// one. No block handles an item before all of the network is done with the item of the same stream before it, which
// keeps what is kept for each stream from being overwritten too early. Letters order nothing but themselves, so this
// holds for what goes into a letter's number: whatever else a warp reads of an item must be told by a counter.
template <bool kCluster>
struct Station {
    static constexpr Reach kReach = kCluster ? Reach::cluster : Reach::device;

    __device__ Station(const Launch& call, const LatencyPlan& how, const LatencyPlaces& where, char* mailboxes)
        : launch(call),
          model(call.model),
          plan(how),
          mail(where.mail),
          rank(blockIdx.x % how.blocks),
          first(blockIdx.x / how.blocks * how.streams),
          streams(call.streams.count - first < how.streams ? call.streams.count - first : how.streams),
          items(call.steps * streams),
          in(where.mail, mailbox(mailboxes, rank)),
          out(where.mail, mailbox(mailboxes, (rank + 1) % how.blocks)) {}

    __device__ char* mailbox(char* mailboxes, std::uint32_t of) const {
        if constexpr (kCluster) return of == rank ? shared_memory() : shared_of(shared_memory(), of);
        return mailboxes + (blockIdx.x - rank + of) * mail.bytes;
    }
    template <class Number = float>
    __device__ static Number* at(std::uint32_t place) {
        return reinterpret_cast<Number*>(shared_memory() + place);
    }
    __device__ float* queue(std::uint32_t stream) const {
        return launch.streams.queues + (first + stream) * model.queue;
    }
    // Where a stream's letters begin, of so many numbers.
    __device__ static Letters* letters(Letters* all, std::uint32_t stream, std::uint32_t numbers) {
        return all + stream * (quads(numbers) / 2);
    }

    const Launch& launch;
    const DeviceModel& model;
    const LatencyPlan& plan;
    const MailPlaces& mail;
    std::uint32_t rank, first, streams, items;
    Mail in, out;
};

__device__ inline void put(const Letters& letters, float* to) {
    to[0] = letters.even.number;
    to[1] = letters.odd.number;
}

// All threads of the block copy whole words.
__device__ inline void copy_words(const void* from, void* to, std::size_t bytes) {
    for (std::size_t at = threadIdx.x; at < bytes / 4; at += blockDim.x)
        static_cast<std::uint32_t*>(to)[at] = static_cast<const std::uint32_t*>(from)[at];
}

}  // namespace wavegen::cuda
