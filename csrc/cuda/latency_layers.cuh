// A block that owns layers. Some warps lead: current taps, gates and residuals, one layer after the other, from weights
// in shared memory. Others follow with the skip sums, and others compute what the past says of the next step's gates.
#pragma once

#include "cuda/latency_blocks.cuh"

namespace wavegen::cuda {

constexpr std::uint32_t kLeadBarrier = 1, kPastBarrier = 2;

// kInputs: of the gates, the residual and the skip sums alike, so few that leading threads keep columns of weights in
// registers; or 0 for any numbers of them, that are not known when this is compiled.
template <class Weight, bool kCluster, std::uint32_t kInputs>
struct LayerBlock : Station<kCluster> {
    using Base = Station<kCluster>;
    using Base::in, Base::items, Base::kReach, Base::launch, Base::letters, Base::model, Base::out, Base::plan,
        Base::rank, Base::streams;
    using Weights = Pair<Weight>;
    // Pairs of bfloat16 take a register each, and wide layers' come from far away.
    static constexpr std::uint32_t kSkipBatch = sizeof(Weights) == sizeof(float) ? 32 : 8;

    __device__ LayerBlock(const Launch& call, const LatencyPlan& how, const LatencyPlaces& where, char* mailboxes)
        : Base(call, how, where, mailboxes),
          places(where.layer),
          begin(how.first_layer(this->rank, call.model.layers)),
          end(how.first_layer(this->rank + 1, call.model.layers)),
          done(Base::template at<std::uint32_t>(places.done)),
          ahead_done(Base::template at<std::uint32_t>(places.ahead_done)) {}

    // Everything that this block's warps find in shared memory.
    __device__ void prepare() const {
        for (std::uint32_t l = threadIdx.x; l < end - begin; l += blockDim.x) done[l] = 0;
        if (threadIdx.x == 0) *ahead_done = 0;
        for (std::uint32_t l = begin; l < end; ++l) {
            const DeviceLayer& layer = model.layer[l];
            const std::size_t past = std::size_t{model.kernel - 1} * model.residual * layer.gates.outputs;
            copy_led(global_numbers<Weight>(layer.gates.weight) + past, gates(l), model.residual, layer.gates.outputs);
            if (plan.skip_on_chip)
                copy_words(layer.skip.weight, skip_on_chip(l),
                           std::size_t{model.half} * layer.skip.outputs * sizeof(Weight));
            if (layer.residual.inputs == 0) continue;
            copy_led(global_numbers<Weight>(layer.residual.weight), residual(l), model.half, layer.residual.outputs);
            copy_words(layer.residual.bias, bias(l), layer.residual.outputs * sizeof(float));
        }
    }

    __device__ void run() const {
        if (threadIdx.x < plan.leads)
            lead(threadIdx.x);
        else if (threadIdx.x < plan.leads + plan.skips)
            follow(threadIdx.x - plan.leads);
        else
            look_ahead(threadIdx.x - plan.leads - plan.skips);
    }

 private:
    // What the leading threads read: as it is, or words of columns.
    __device__ static void copy_led(const Weight* from, Weights* to, std::uint32_t inputs, std::uint32_t outputs) {
        if constexpr (kInputs == 0 || sizeof(Weight) == sizeof(std::uint32_t)) {
            copy_words(from, to, std::size_t{inputs} * outputs * sizeof(Weight));
        } else {
            for (std::uint32_t at = threadIdx.x; at < inputs / 2 * outputs; at += blockDim.x) {
                const Weight* pair = from + at / outputs * 2 * outputs + at % outputs;
                reinterpret_cast<std::uint32_t*>(to)[at] = std::uint32_t{pair[outputs].half} << 16 | pair->half;
            }
        }
    }

    __device__ Weights* gates(std::uint32_t l) const {
        return Base::template at<Weights>(places.gates + (l - begin) * places.each_gates);
    }
    __device__ Weights* residual(std::uint32_t l) const {
        return Base::template at<Weights>(places.residual + (l - begin) * places.each_residual);
    }
    __device__ Weights* skip_on_chip(std::uint32_t l) const {
        return Base::template at<Weights>(places.skip + (l - begin) * places.each_skip);
    }
    __device__ float* bias(std::uint32_t l) const { return Base::at(places.bias) + (l - begin) * model.front.outputs; }
    __device__ std::uint32_t slot(std::uint32_t l, std::uint32_t stream) const {  // of what is kept for both
        return stream * places.layers + (l - begin);
    }
    __device__ float* x(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(places.x) + slot(l, stream) * quads(model.front.outputs);
    }
    __device__ float* z(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(places.z) + slot(l, stream) * quads(model.half);
    }
    __device__ float* ahead(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(places.ahead) + slot(l, stream) * 2 * model.half;
    }
    __device__ float* row(const DeviceLayer& layer, std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t l = static_cast<std::uint32_t>(&layer - model.layer);
        const std::uint32_t now = (launch.streams.next[l + 1] + step) % layer.slots;
        const std::size_t place = now >= age ? now - age : now + layer.slots - age;
        return this->queue(stream) + layer.queue + place * model.residual;
    }

    // Whatever a step can wait for is here: nothing comes from global memory, and what can be done before x arrives is.
    __device__ void lead(std::uint32_t thread) const {
        if constexpr (kInputs != 0)
            lead_from_registers(thread);
        else
            lead_from_shared_memory(thread);
    }

    // Waits for the past and for x, which one warp receives; the others wait at a barrier, which takes no time from it.
    __device__ void begin_item(std::uint32_t thread, std::uint32_t item, Stopwatch& watch) const {
        const std::uint32_t stream = item % streams, width = model.front.outputs;
        await(ahead_done, item + 1);
        watch.lap(Phase::wait_past);
        if (thread < kWarp) {
            const Letters* given = letters(in.x, stream, width);
            for (std::uint32_t pair = thread; pair < width / 2; pair += kWarp)
                put(receive<kReach>(given + pair, item + 1), x(begin, stream) + 2 * pair);
        }
        watch.lap(Phase::wait_x);
    }

    // A thread for each of the gates' outputs. Columns are fetched as soon as those before them have been used.
    __device__ void lead_from_registers(std::uint32_t thread) const {
        constexpr std::uint32_t kOf = kInputs == 0 ? 1 : kInputs;  // not compiled for 0
        Column<Weight, kOf> of_gates, of_residual;
        const auto fetch_gates = [&](std::uint32_t l) {
            of_gates.template load<2 * kOf>(reinterpret_cast<const std::uint32_t*>(gates(l)) + thread);
        };
        const auto fetch_residual = [&](std::uint32_t l) {
            if (thread < kOf && l + 1 < model.layers)
                of_residual.template load<kOf>(reinterpret_cast<const std::uint32_t*>(residual(l)) + thread);
        };
        const bool signal = thread % 2 == 0;
        fetch_gates(begin);
        fetch_residual(begin);
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            begin_item(thread, item, watch);
            for (std::uint32_t l = begin; l < end; ++l) {
                const std::uint32_t next = l + 1 < end ? l + 1 : begin;
                const float past = ahead(l, stream)[thread];
                meet(kLeadBarrier, plan.leads);
                const float sum = of_gates.run(x(l, stream), past);
                if (next != l) fetch_gates(next);
                const float half = exponential_minus_one(sum * (signal ? -2.0f : -1.0f), signal ? kSignal : kOpening);
                const float other = __shfl_xor_sync(~0u, half, 1);
                if (signal) z(l, stream)[thread / 2] = opened(half, other);
                watch.lap(Phase::gate);
                const float current = thread < kOf ? x(l, stream)[thread] + bias(l)[thread] : 0.0f;
                meet(kLeadBarrier, plan.leads);
                if (thread == 0) say(done + (l - begin), item + 1);
                if (l + 1 < model.layers && thread < kOf)
                    hand_on(l, stream, thread, item + 1, of_residual.run(z(l, stream), current));
                if (next != l) fetch_residual(next);
                watch.lap(Phase::residual);
            }
        }
    }
    // To the next layer's x, here or in the next block, by whole warps.
    __device__ void hand_on(std::uint32_t l, std::uint32_t stream, std::uint32_t o, std::uint32_t item,
                            float sum) const {
        if (l + 1 < end) {
            x(l + 1, stream)[o] = sum;
            return;
        }
        const float other = __shfl_xor_sync(~0u, sum, 1);
        if (o % 2 == 0) send<kReach>(letters(out.x, stream, model.front.outputs) + o / 2, {{sum, item}, {other, item}});
    }

    __device__ void lead_from_shared_memory(std::uint32_t thread) const {
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            begin_item(thread, item, watch);
            for (std::uint32_t l = begin; l < end; ++l) {
                gate(l, stream, thread);
                watch.lap(Phase::gate);
                pass_on(l, stream, thread, item + 1);
                watch.lap(Phase::residual);
            }
        }
    }

    // From x, once all of it is there, to z. The signal and the opening of a gate are a pair.
    __device__ void gate(std::uint32_t l, std::uint32_t stream, std::uint32_t thread) const {
        multiply<Weight>(
            gates(l), model.half, model.residual, x(l, stream), thread, plan.leads,
            [&](std::uint32_t pair) { return two_at(ahead(l, stream), pair); }, [&] { meet(kLeadBarrier, plan.leads); },
            [&](std::uint32_t pair, const Two& sums) {
                z(l, stream)[pair] = opened(gate_signal(sums.even), gate_opening(sums.odd));
            });
    }

    // From z, once all of it is there, to the next layer's x, here or in the next block. The last layer has none.
    __device__ void pass_on(std::uint32_t l, std::uint32_t stream, std::uint32_t thread, std::uint32_t item) const {
        const std::uint32_t width = model.front.outputs;
        multiply<Weight>(
            residual(l), l + 1 < model.layers ? width / 2 : 0, model.half, z(l, stream), thread, plan.leads,
            [&](std::uint32_t pair) {
                const Two current = two_at(x(l, stream), pair), shift = two_at(bias(l), pair);
                return Two{current.even + shift.even, current.odd + shift.odd};
            },
            [&] {
                meet(kLeadBarrier, plan.leads);
                if (thread == 0) say(done + (l - begin), item);
            },
            [&](std::uint32_t pair, const Two& sums) {
                if (l + 1 < end) {
                    x(l + 1, stream)[2 * pair] = sums.even;
                    x(l + 1, stream)[2 * pair + 1] = sums.odd;
                } else {
                    send<kReach>(letters(out.x, stream, width) + pair, {{sums.even, item}, {sums.odd, item}});
                }
            });
    }

    // The skip sums: one chain through all layers of all blocks.
    __device__ void follow(std::uint32_t thread) const {
        const std::uint32_t outputs = model.head.outputs;
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams;
            for (std::uint32_t pair = thread; pair < outputs / 2; pair += plan.skips) {
                Two sums;
                if (rank > 0) {
                    const Letters given = receive<kReach>(letters(in.skip, stream, outputs) + pair, item + 1);
                    sums = {given.even.number, given.odd.number};
                } else {
                    sums = two_at(model.layer[0].skip.bias, pair);
                }
                watch.lap(Phase::wait_skip);
                for (std::uint32_t l = begin; l < end; ++l) add_skip(l, stream, pair, item + 1, sums);
                if (end == model.layers) sums = {relu(sums.even), relu(sums.odd)};
                send<kReach>(letters(out.skip, stream, outputs) + pair, {{sums.even, item + 1}, {sums.odd, item + 1}});
                watch.lap(Phase::skip);
            }
        }
    }
    __device__ void add_skip(std::uint32_t l, std::uint32_t stream, std::uint32_t pair, std::uint32_t item,
                             Two& sums) const {
        const std::uint32_t pairs = model.head.outputs / 2;
        const auto add = [&](const Weights* weight) {  // called with either, so that the kind of memory is known
            PairChain<Weight, kSkipBatch> chain(weight + pair, pairs, model.half);
            await(done + (l - begin), item);
            chain.run(z(l, stream), sums);
        };
        if (plan.skip_on_chip)
            add(skip_on_chip(l));
        else
            add(global_numbers<Weights>(model.layer[l].skip.weight));
    }

    // What every layer has heard goes to its queue; and of the step after it, all that the past says of the gates.
    __device__ void look_ahead(std::uint32_t thread) const {
        for (std::uint32_t item = 0; item < streams; ++item) {
            for (std::uint32_t l = begin; l < end; ++l) hear_past(l, item, 0, thread);
            heard_past(item, thread);
        }
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            const bool goes_on = item + streams < items;
            for (std::uint32_t l = begin; l < end; ++l) {
                await(done + (l - begin), item + 1);
                float* here = row(model.layer[l], stream, step, 0);
                for (std::uint32_t i = thread; i < model.residual; i += plan.pasts) here[i] = x(l, stream)[i];
                meet(kPastBarrier, plan.pasts);
                if (goes_on) hear_past(l, stream, step + 1, thread);
            }
            if (goes_on) heard_past(item + streams, thread);
        }
    }
    __device__ void hear_past(std::uint32_t l, std::uint32_t stream, std::uint32_t step, std::uint32_t thread) const {
        const DeviceLayer& layer = model.layer[l];
        for (std::uint32_t pair = thread; pair < model.half; pair += plan.pasts) {
            const Weights* weight = global_numbers<Weights>(layer.gates.weight) + pair;
            Two sums = two_at(layer.gates.bias, pair);
            for (std::uint32_t tap = 0; tap + 1 < model.kernel; ++tap)
                PairChain<Weight>(weight + std::size_t{tap} * model.residual * model.half, model.half, model.residual)
                    .template run<false>(row(layer, stream, step, (model.kernel - 1 - tap) * layer.dilation), sums);
            float* to = ahead(l, stream) + 2 * pair;
            to[0] = sums.even;
            to[1] = sums.odd;
        }
    }
    __device__ void heard_past(std::uint32_t item, std::uint32_t thread) const {
        meet(kPastBarrier, plan.pasts);
        if (thread == 0) say(ahead_done, item + 1);
    }

    const LayerPlaces& places;
    std::uint32_t begin, end;
    std::uint32_t *done, *ahead_done;  // items, of each layer and of all
};

}  // namespace wavegen::cuda
