// A block that owns layers, with three roles of warps. Lead warps compute current taps, gates and residuals, layer
// by layer, from weights in shared memory: the critical path. Skip warps add the skip sums. Past warps store x in
// the ring buffers and sum the past taps of the stream's next step, with its condition.
//
// Synchronisation within the block, all at cta scope:
//
// - x, received by warp 0: the barrier kLeadBarrier orders its stores before the loads of all lead warps.
// - z and x of layer l, from lead to skip and past warps: all lead warps write them and meet at kLeadBarrier, then
//   thread 0 stores done[l] with release. The barrier makes the other warps' writes happen before that store. Skip and
//   past warps load done[l] with acquire, which synchronises with the store, and then read z and x.
// - ring rows, between past warps: written to global memory, read after the barrier kPastBarrier.
// - sums of past taps, from past to lead warps: past warps write them and meet at kPastBarrier, then one thread stores
//   ahead_done with release. Lead warps load it with acquire, which synchronises with the store, and read the sums.
//
// Overwriting, of data that exists once per stream:
//
// - x of the next item: lead warps write it after their acquire of ahead_done, which was released after the past
//   warps copied x of this item.
// - sums of past taps of the next item: past warps write them after their acquire of done[l], which was released after
//   the lead warps read those of this item.
// - z of the next item: skip warps' reads of z go into a message that the next item depends on; see BlockRole.
#pragma once

#include "cuda/latency_memory.cuh"

namespace wavegen::cuda {

constexpr std::uint32_t kLeadBarrier = 1, kPastBarrier = 2;

template <class Weight, bool kCluster, std::uint32_t kInputs>
struct LayerBlock : LayerMemory<Weight, kCluster, kInputs> {
    using Memory = LayerMemory<Weight, kCluster, kInputs>;
    using Memory::ahead, Memory::ahead_done, Memory::begin, Memory::bias, Memory::done, Memory::end, Memory::gates,
        Memory::in, Memory::items, Memory::kScope, Memory::launch, Memory::messages_of, Memory::model, Memory::out,
        Memory::plan, Memory::rank, Memory::residual, Memory::row, Memory::skip_on_chip, Memory::streams, Memory::x,
        Memory::z;
    using Weights = Pair<Weight>;
    // A bfloat16 pair takes one register, and the weights of wide layers have a long latency.
    static constexpr std::uint32_t kSkipBatch = sizeof(Weights) == sizeof(float) ? 32 : 8;

    __device__ LayerBlock(const Launch& call, const LatencyPlan& how, const LatencyLayout& layouts, char* messages)
        : Memory(call, how, layouts, messages) {}

    __device__ void run() const {
        if (threadIdx.x < plan.lead_threads)
            lead(threadIdx.x);
        else if (threadIdx.x < plan.lead_threads + plan.skip_threads)
            follow(threadIdx.x - plan.lead_threads);
        else
            look_ahead(threadIdx.x - plan.lead_threads - plan.skip_threads);
    }

 private:
    // The critical path: it reads no global memory, and does before x arrives all that does not depend on x.
    __device__ void lead(std::uint32_t thread) const {
        if constexpr (kInputs != 0)
            lead_from_registers(thread);
        else
            lead_from_shared_memory(thread);
    }

    // Waits for the past taps and for x, which warp 0 receives; the other lead warps wait at the next barrier
    // without polling, which would slow warp 0 down.
    __device__ void begin_item(std::uint32_t thread, std::uint32_t item, Stopwatch& watch) const {
        const std::uint32_t stream = item % streams, width = model.front.outputs;
        wait_for(ahead_done, item + 1);
        watch.lap(Phase::wait_past);
        if (thread < kWarp) {
            const MessagePair* given = messages_of(in.x, stream, width);
            for (std::uint32_t pair = thread; pair < width / 2; pair += kWarp)
                put(receive<kScope>(given + pair, item + 1), x(begin, stream) + 2 * pair);
        }
        watch.lap(Phase::wait_x);
    }

    // One thread per gate output. Each column is loaded as soon as the previous one has been used.
    __device__ void lead_from_registers(std::uint32_t thread) const {
        constexpr std::uint32_t kOf = kInputs == 0 ? 1 : kInputs;  // unused if kInputs is 0
        Column<Weight, kOf> of_gates, of_residual;
        const auto fetch_gates = [&](std::uint32_t l) {
            of_gates.template load<2 * kOf>(reinterpret_cast<const std::uint32_t*>(gates(l)) + thread);
        };
        const auto fetch_residual = [&](std::uint32_t l) {
            if (thread < kOf && l + 1 < model.layers)
                of_residual.template load<kOf>(reinterpret_cast<const std::uint32_t*>(residual(l)) + thread);
        };
        const bool filter = thread % 2 == 0;
        fetch_gates(begin);
        fetch_residual(begin);
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            begin_item(thread, item, watch);
            for (std::uint32_t l = begin; l < end; ++l) {
                const std::uint32_t next = l + 1 < end ? l + 1 : begin;
                const float past = ahead(l, stream)[thread];
                named_barrier(kLeadBarrier, plan.lead_threads);
                const float sum = of_gates.run(x(l, stream), past);
                if (next != l) fetch_gates(next);
                const float half =
                    exponential_minus_one(sum * (filter ? -2.0f : -1.0f), filter ? kFilterLimit : kGateLimit);
                const float other = __shfl_xor_sync(~0u, half, 1);
                if (filter) z(l, stream)[thread / 2] = gated(half, other);
                watch.lap(Phase::gate);
                const float current = thread < kOf ? x(l, stream)[thread] + bias(l)[thread] : 0.0f;
                named_barrier(kLeadBarrier, plan.lead_threads);
                if (thread == 0) publish(done + (l - begin), item + 1);
                if (l + 1 < model.layers && thread < kOf)
                    store_next_x(l, stream, thread, item + 1, of_residual.run(z(l, stream), current));
                if (next != l) fetch_residual(next);
                watch.lap(Phase::residual);
            }
        }
    }
    // Stores the next layer's x, in this block or in the next one's message buffer; by whole warps.
    __device__ void store_next_x(std::uint32_t l, std::uint32_t stream, std::uint32_t o, std::uint32_t item,
                                 float sum) const {
        if (l + 1 < end) {
            x(l + 1, stream)[o] = sum;
            return;
        }
        const float other = __shfl_xor_sync(~0u, sum, 1);
        if (o % 2 == 0)
            send<kScope>(messages_of(out.x, stream, model.front.outputs) + o / 2, {{sum, item}, {other, item}});
    }

    __device__ void lead_from_shared_memory(std::uint32_t thread) const {
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            begin_item(thread, item, watch);
            for (std::uint32_t l = begin; l < end; ++l) {
                gate(l, stream, thread);
                watch.lap(Phase::gate);
                residual_step(l, stream, thread, item + 1);
                watch.lap(Phase::residual);
            }
        }
    }

    // From x, complete after the barrier, to z. Filter and gate are a pair of outputs.
    __device__ void gate(std::uint32_t l, std::uint32_t stream, std::uint32_t thread) const {
        multiply<Weight>(
            gates(l), model.half, model.residual, x(l, stream), thread, plan.lead_threads,
            [&](std::uint32_t pair) { return two_at(ahead(l, stream), pair); },
            [&] { named_barrier(kLeadBarrier, plan.lead_threads); },
            [&](std::uint32_t pair, const Two& sums) {
                z(l, stream)[pair] = gated(filter_term(sums.even), gate_term(sums.odd));
            });
    }

    // From z, complete after the barrier, to the next layer's x, in this block or the next. The last layer has
    // none.
    __device__ void residual_step(std::uint32_t l, std::uint32_t stream, std::uint32_t thread,
                                  std::uint32_t item) const {
        const std::uint32_t width = model.front.outputs;
        multiply<Weight>(
            residual(l), l + 1 < model.layers ? width / 2 : 0, model.half, z(l, stream), thread, plan.lead_threads,
            [&](std::uint32_t pair) {
                const Two current = two_at(x(l, stream), pair), shift = two_at(bias(l), pair);
                return Two{current.even + shift.even, current.odd + shift.odd};
            },
            [&] {
                named_barrier(kLeadBarrier, plan.lead_threads);
                if (thread == 0) publish(done + (l - begin), item);
            },
            [&](std::uint32_t pair, const Two& sums) {
                if (l + 1 < end) {
                    x(l + 1, stream)[2 * pair] = sums.even;
                    x(l + 1, stream)[2 * pair + 1] = sums.odd;
                } else {
                    send<kScope>(messages_of(out.x, stream, width) + pair, {{sums.even, item}, {sums.odd, item}});
                }
            });
    }

    // The skip sums: one dot product through all layers of all blocks.
    __device__ void follow(std::uint32_t thread) const {
        const std::uint32_t outputs = model.head.outputs;
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            for (std::uint32_t pair = thread; pair < outputs / 2; pair += plan.skip_threads) {
                Two sums;
                if (rank > 0) {
                    const MessagePair given = receive<kScope>(messages_of(in.skip, stream, outputs) + pair, item + 1);
                    sums = {given.even.number, given.odd.number};
                } else {
                    sums = two_at(model.layer[0].skip.bias, pair);
                }
                watch.lap(Phase::wait_skip);
                for (std::uint32_t l = begin; l < end; ++l) add_skip(l, stream, pair, item + 1, sums);
                if (end == model.layers) sums = {relu(sums.even), relu(sums.odd)};
                send<kScope>(messages_of(out.skip, stream, outputs) + pair,
                             {{sums.even, item + 1}, {sums.odd, item + 1}});
                watch.lap(Phase::skip);
            }
        }
    }
    __device__ void add_skip(std::uint32_t l, std::uint32_t stream, std::uint32_t pair, std::uint32_t item,
                             Two& sums) const {
        const std::uint32_t pairs = model.head.outputs / 2;
        const auto add = [&](const Weights* weight) {  // instantiated for shared and for global memory
            PairDotProduct<Weight, kSkipBatch> product(weight + pair, pairs, model.half);
            wait_for(done + (l - begin), item);
            product.run(z(l, stream), sums);
        };
        if (plan.skip_on_chip)
            add(skip_on_chip(l));
        else
            add(global_numbers<Weights>(model.layer[l].skip.weight));
    }

    // Stores each layer's x in its ring buffer, then sums the past taps and the condition of the stream's next step.
    __device__ void look_ahead(std::uint32_t thread) const {
        for (std::uint32_t item = 0; item < streams; ++item) {
            for (std::uint32_t l = begin; l < end; ++l) sum_past_taps(l, item, 0, thread);
            publish_past_taps(item, thread);
        }
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            const bool goes_on = item + streams < items;
            for (std::uint32_t l = begin; l < end; ++l) {
                wait_for(done + (l - begin), item + 1);
                float* here = row(model.layer[l], stream, step, 0);
                for (std::uint32_t i = thread; i < model.residual; i += plan.past_threads) here[i] = x(l, stream)[i];
                named_barrier(kPastBarrier, plan.past_threads);
                if (goes_on) sum_past_taps(l, stream, step + 1, thread);
            }
            if (goes_on) publish_past_taps(item + streams, thread);
        }
    }
    __device__ void sum_past_taps(std::uint32_t l, std::uint32_t stream, std::uint32_t step,
                                  std::uint32_t thread) const {
        const DeviceLayer& layer = model.layer[l];
        const Conditions& conditions = launch.conditions;
        const float* vector = nullptr;
        if (conditions.vectors != nullptr)
            vector = conditions.at(this->first + stream, step) + condition_offset(model, l);
        for (std::uint32_t pair = thread; pair < model.half; pair += plan.past_threads) {
            const Weights* weight = global_numbers<Weights>(layer.gates.weight) + pair;
            Two sums = two_at(layer.gates.bias, pair);
            for (std::uint32_t tap = 0; tap + 1 < model.kernel; ++tap)
                PairDotProduct<Weight>(weight + std::size_t{tap} * model.residual * model.half, model.half,
                                       model.residual)
                    .template run<false>(row(layer, stream, step, (model.kernel - 1 - tap) * layer.dilation), sums);
            if (vector != nullptr) {
                sums.even += vector[pair];
                sums.odd += vector[padded(model.half) + pair];
            }
            float* to = ahead(l, stream) + 2 * pair;
            to[0] = sums.even;
            to[1] = sums.odd;
        }
    }
    __device__ void publish_past_taps(std::uint32_t item, std::uint32_t thread) const {
        named_barrier(kPastBarrier, plan.past_threads);
        if (thread == 0) publish(ahead_done, item + 1);
    }
};

}  // namespace wavegen::cuda
