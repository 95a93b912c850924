// What all blocks of the latency kernel have: a mailbox, and the neighbour whose mailbox they write to.
#pragma once

#include "chains.cuh"
#include "clocks.cuh"
#include "places.h"
#include "signals.cuh"

namespace wavegen::cuda {

// Counters that the block before sets, for the items that it has handed over so far, and what they are about.
struct Mail {
    __device__ Mail(const DeviceModel& model, std::uint32_t streams, char* base)
        : x_given(reinterpret_cast<std::uint32_t*>(base)),
          skip_given(reinterpret_cast<std::uint32_t*>(base) + 1),
          x(reinterpret_cast<float*>(base + MailPlaces::of(model, streams).x)),
          skip(reinterpret_cast<float*>(base + MailPlaces::of(model, streams).skip)) {}
    std::uint32_t *x_given, *skip_given;
    float *x, *skip;
};

// A call's items are the steps of all streams of the group, ordered by step, then by stream. No block handles an item
// before all of the network is done with the item of the same stream before it, which keeps what is kept for each
// stream from being overwritten too early.
template <bool kCluster>
struct Station {
    static constexpr Reach kReach = kCluster ? Reach::cluster : Reach::device;

    __device__ Station(const Launch& call, const LatencyPlan& how, char* mailboxes, char* shared)
        : launch(call),
          model(call.model),
          plan(how),
          base(shared),
          rank(blockIdx.x % how.blocks),
          first(blockIdx.x / how.blocks * how.streams),
          streams(call.streams.count - first < how.streams ? call.streams.count - first : how.streams),
          items(call.steps * streams),
          in(model, how.streams, mailbox(mailboxes, shared, rank)),
          out(model, how.streams, mailbox(mailboxes, shared, (rank + 1) % how.blocks)) {}

    __device__ char* mailbox(char* mailboxes, char* shared, std::uint32_t of) const {
        if constexpr (kCluster) return of == rank ? shared : shared_of(shared, of);
        return mailboxes + (blockIdx.x - rank + of) * MailPlaces::of(model, plan.streams).bytes;
    }
    __device__ float from_mail(const float* place) const { return kCluster ? *place : load_fresh(place); }
    template <class Number = float>
    __device__ Number* at(std::size_t place) const {
        return reinterpret_cast<Number*>(base + place);
    }
    __device__ float* queue(std::uint32_t stream) const {
        return launch.streams.queues + (first + stream) * model.queue;
    }

    const Launch& launch;
    const DeviceModel& model;
    const LatencyPlan& plan;
    char* base;
    std::uint32_t rank, first, streams, items;
    Mail in, out;
};

// The chain of one output over `inputs` inputs, from weights of one input on; the row is aligned to four.
template <class Weight>
__device__ inline float chain_by_fours(const Weight* weight, std::uint32_t outputs, const float* row,
                                       std::uint32_t inputs, float sum) {
    std::uint32_t i = 0;
#pragma unroll 4
    for (; i + kColumns <= inputs; i += kColumns, weight += kColumns * outputs) {
        const Columns x = *reinterpret_cast<const Columns*>(row + i);
        for (std::uint32_t c = 0; c < kColumns; ++c) sum = fmaf(weight_of(weight[c * outputs]), x.of[c], sum);
    }
    for (; i < inputs; ++i, weight += outputs) sum = fmaf(weight_of(*weight), row[i], sum);
    return sum;
}

// All threads of the block copy whole words.
__device__ inline void copy_words(const void* from, void* to, std::size_t bytes) {
    for (std::size_t at = threadIdx.x; at < bytes / 4; at += blockDim.x)
        static_cast<std::uint32_t*>(to)[at] = static_cast<const std::uint32_t*>(from)[at];
}

}  // namespace wavegen::cuda
