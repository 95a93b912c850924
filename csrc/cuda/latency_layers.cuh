// A block that owns layers. Some warps lead: current taps, gates and residuals, one layer after the other, from weights
// in shared memory. Others follow with the skip sums, and others compute what the past says of the next step's gates.
#pragma once

#include "latency_blocks.cuh"

namespace wavegen::cuda {

constexpr std::uint32_t kLeadBarrier = 1, kSkipBarrier = 2, kPastBarrier = 3;

template <class Weight, bool kCluster>
struct LayerBlock : Station<kCluster> {
    using Base = Station<kCluster>;
    using Base::in, Base::items, Base::kReach, Base::launch, Base::model, Base::out, Base::plan, Base::rank,
        Base::streams;

    __device__ LayerBlock(const Launch& call, const LatencyPlan& how, char* mailboxes, char* shared)
        : Base(call, how, mailboxes, shared),
          places(LayerPlaces::of(call.model, how)),
          begin(how.first_layer(this->rank, call.model.layers)),
          end(how.first_layer(this->rank + 1, call.model.layers)),
          done(this->template at<std::uint32_t>(places.done)),
          ahead_done(this->template at<std::uint32_t>(places.ahead_done)) {}

    // Everything that this block's warps find in shared memory.
    __device__ void prepare() const {
        for (std::uint32_t l = threadIdx.x; l < end - begin; l += blockDim.x) done[l] = ahead_done[l] = 0;
        for (std::uint32_t l = begin; l < end; ++l) {
            const DeviceLayer& layer = model.layer[l];
            const std::size_t past = std::size_t{model.kernel - 1} * model.residual * layer.gates.outputs;
            copy_words(global_numbers<Weight>(layer.gates.weight) + past, gates(l),
                       std::size_t{model.residual} * layer.gates.outputs * sizeof(Weight));
            if (plan.skip_on_chip)
                copy_words(layer.skip.weight, skip_on_chip(l),
                           std::size_t{model.half} * layer.skip.outputs * sizeof(Weight));
            if (layer.residual.inputs == 0) continue;
            copy_words(layer.residual.weight, residual(l),
                       std::size_t{model.half} * layer.residual.outputs * sizeof(Weight));
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
    __device__ Weight* gates(std::uint32_t l) const {
        const std::size_t each = aligned(std::size_t{model.residual} * 2 * model.half * sizeof(Weight));
        return this->template at<Weight>(places.gates + (l - begin) * each);
    }
    __device__ Weight* residual(std::uint32_t l) const {
        const std::size_t each = aligned(std::size_t{model.half} * model.front.outputs * sizeof(Weight));
        return this->template at<Weight>(places.residual + (l - begin) * each);
    }
    __device__ Weight* skip_on_chip(std::uint32_t l) const {
        const std::size_t each = aligned(std::size_t{model.half} * model.head.outputs * sizeof(Weight));
        return this->template at<Weight>(places.skip + (l - begin) * each);
    }
    __device__ float* bias(std::uint32_t l) const { return this->at(places.bias) + (l - begin) * model.front.outputs; }
    __device__ std::size_t slot(std::uint32_t l, std::uint32_t stream) const {  // of what is kept for both
        return std::size_t{stream} * plan.most_layers(model.layers) + (l - begin);
    }
    __device__ float* z(std::uint32_t l, std::uint32_t stream) const {
        return this->at(places.z) + slot(l, stream) * quads(model.half);
    }
    __device__ float* ahead(std::uint32_t l, std::uint32_t stream) const {
        return this->at(places.ahead) + slot(l, stream) * 2 * model.half;
    }
    __device__ float* row(const DeviceLayer& layer, std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t l = static_cast<std::uint32_t>(&layer - model.layer);
        const std::uint32_t now = (launch.streams.next[l + 1] + step) % layer.slots;
        const std::size_t place = now >= age ? now - age : now + layer.slots - age;
        return this->queue(stream) + layer.queue + place * model.residual;
    }

    __device__ void lead(std::uint32_t thread) const {
        float* x = this->at(places.x);
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            await<kReach>(in.x_given, item + 1);
            watch.lap(Phase::wait_x);
            const float* given = in.x + stream * quads(model.front.outputs);
            for (std::uint32_t i = thread; i < model.front.outputs; i += plan.leads) x[i] = this->from_mail(given + i);
            meet(kLeadBarrier, plan.leads);
            for (std::uint32_t l = begin; l < end; ++l) {
                const DeviceLayer& layer = model.layer[l];
                await<Reach::block>(ahead_done + (l - begin), item + 1);
                watch.lap(Phase::wait_past);
                gate(l, stream, thread, x);
                float* here = row(layer, stream, step, 0);
                for (std::uint32_t i = thread; i < model.residual; i += plan.leads) here[i] = x[i];
                meet(kLeadBarrier, plan.leads);
                if (thread == 0) say<Reach::block>(done + (l - begin), item + 1);
                watch.lap(Phase::gate);
                if (l + 1 == model.layers) break;
                pass_on(l, stream, thread, x);
                meet(kLeadBarrier, plan.leads);
                watch.lap(Phase::residual);
            }
            if (thread == 0 && end < model.layers) say<kReach>(out.x_given, item + 1);
        }
    }

    // The signal and the opening of a gate are chains of two neighbouring lanes. (How many there are is known of the
    // model: a layer's own numbers would have to come from memory while a step waits.)
    __device__ void gate(std::uint32_t l, std::uint32_t stream, std::uint32_t thread, const float* x) const {
        const float* sums = ahead(l, stream);
        const std::uint32_t outputs = 2 * model.half;
        for (std::uint32_t from = thread - lane(); from < outputs; from += plan.leads) {
            const std::uint32_t o = from + lane();
            float half = 0.0f;
            if (o < outputs) {
                const float sum = chain_by_fours(gates(l) + o, outputs, x, model.residual, sums[o]);
                half = o % 2 == 0 ? gate_signal(sum) : gate_opening(sum);
            }
            const float other = __shfl_xor_sync(~0u, half, 1);
            if (o < outputs && o % 2 == 0) z(l, stream)[o / 2] = opened(half, other);
        }
    }

    // To the next layer's x, here or in the next block.
    __device__ void pass_on(std::uint32_t l, std::uint32_t stream, std::uint32_t thread, float* x) const {
        const std::uint32_t outputs = model.front.outputs;
        float* to = l + 1 == end ? out.x + stream * quads(outputs) : x;
        for (std::uint32_t o = thread; o < outputs; o += plan.leads)
            to[o] = chain_by_fours(residual(l) + o, outputs, z(l, stream), model.half, x[o] + bias(l)[o]);
    }

    // The skip sums: one chain through all layers of all blocks.
    __device__ void follow(std::uint32_t thread) const {
        const std::uint32_t outputs = model.head.outputs;
        Stopwatch watch(thread == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, place = stream * quads(outputs);
            if (rank > 0) await<kReach>(in.skip_given, item + 1);
            watch.lap(Phase::wait_skip);
            for (std::uint32_t from = thread - lane(); from < outputs; from += plan.skips) {
                const std::uint32_t o = from + lane();
                const bool mine = o < outputs;
                float sum = 0.0f;
                if (mine) sum = rank > 0 ? this->from_mail(in.skip + place + o) : model.layer[0].skip.bias[o];
                for (std::uint32_t l = begin; l < end; ++l) {
                    await<Reach::block>(done + (l - begin), item + 1);
                    if (mine) sum = skip_chain(l, stream, o, sum);
                }
                if (mine) out.skip[place + o] = end == model.layers ? relu(sum) : sum;
            }
            meet(kSkipBarrier, plan.skips);
            if (thread == 0) say<kReach>(out.skip_given, item + 1);
            watch.lap(Phase::skip);
        }
    }
    __device__ float skip_chain(std::uint32_t l, std::uint32_t stream, std::uint32_t o, float sum) const {
        const std::uint32_t outputs = model.head.outputs;
        if (plan.skip_on_chip)  // twice the same, so that the compiler knows the kind of memory
            return chain_by_fours(skip_on_chip(l) + o, outputs, z(l, stream), model.half, sum);
        const Weight* weight = global_numbers<Weight>(model.layer[l].skip.weight);
        return chain_by_fours(weight + o, outputs, z(l, stream), model.half, sum);
    }

    __device__ void look_ahead(std::uint32_t thread) const {
        for (std::uint32_t item = 0; item < streams; ++item)
            for (std::uint32_t l = begin; l < end; ++l) hear_past(l, item, item, 0, thread);
        for (std::uint32_t item = 0; item + streams < items; ++item)
            for (std::uint32_t l = begin; l < end; ++l) {
                await<Reach::block>(done + (l - begin), item + 1);  // the gates have been read, and x is in the queue
                hear_past(l, item % streams, item + streams, item / streams + 1, thread);
            }
    }

    // What the past taps say of the gates of a step.
    __device__ void hear_past(std::uint32_t l, std::uint32_t stream, std::uint32_t item, std::uint32_t step,
                              std::uint32_t thread) const {
        const DeviceLayer& layer = model.layer[l];
        const std::uint32_t outputs = layer.gates.outputs;
        float* sums = ahead(l, stream);
        for (std::uint32_t o = thread; o < outputs; o += plan.pasts) {
            const Weight* weight = global_numbers<Weight>(layer.gates.weight) + o;
            float sum = layer.gates.bias[o];
            for (std::uint32_t tap = 0; tap + 1 < model.kernel; ++tap, weight += std::size_t{model.residual} * outputs)
                sum = chain(weight, outputs, row(layer, stream, step, (model.kernel - 1 - tap) * layer.dilation),
                            model.residual, sum);
            sums[o] = sum;
        }
        meet(kPastBarrier, plan.pasts);
        if (thread == 0) say<Reach::block>(ahead_done + (l - begin), item + 1);
    }

    LayerPlaces places;
    std::uint32_t begin, end;
    std::uint32_t *done, *ahead_done;  // items, of each layer
};

}  // namespace wavegen::cuda
