// The block at both ends of the network: it hears the sample before and gives the first x, and where the skip sums have
// come round, it makes a distribution of them, and draws.
#pragma once

#include "inputs.cuh"
#include "latency_blocks.cuh"
#include "laws.cuh"

namespace wavegen::cuda {

template <bool kCluster>
struct EndBlock : Station<kCluster> {
    using Base = Station<kCluster>;
    using Base::first, Base::in, Base::items, Base::kReach, Base::launch, Base::model, Base::out, Base::plan,
        Base::streams;

    __device__ EndBlock(const Launch& call, const LatencyPlan& how, char* mailboxes, char* shared)
        : Base(call, how, mailboxes, shared), places(EndPlaces::of(call.model, how)) {}

    __device__ void prepare() const {
        const std::size_t head = std::size_t{model.skip} * model.head.outputs * sizeof(float);
        const std::size_t output = std::size_t{model.skip} * model.output.outputs * sizeof(float);
        if (plan.head_on_chip) copy_words(model.head.weight, this->at(places.head), head);
        if (plan.output_on_chip) copy_words(model.output.weight, this->at(places.output), output);
    }

    __device__ void run() const {
        for (std::uint32_t stream = 0; stream < streams; ++stream) {
            hear_past(stream, 0);
            if (warp() == 0) hear_last(stream);
            begin(stream, stream, 0);
        }
        Stopwatch watch(threadIdx.x == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            const bool goes_on = step + 1 < launch.steps;
            await<kReach>(in.skip_given, item + 1);
            watch.lap(Phase::wait_skip);
            decide(stream);
            watch.lap(Phase::head);
            if (warp() == 0) {
                settle(launch, this->at(places.params), this->base + places.scratch, location(stream), first + stream,
                       step);
                __syncwarp();
                if (goes_on) hear_last(stream);
            }
            watch.lap(Phase::draw);
            if (goes_on) begin(item + streams, stream, step + 1);
            watch.lap(Phase::front);
        }
    }

 private:
    __device__ double& location(std::uint32_t stream) const {
        return this->template at<double>(places.location)[stream];
    }
    __device__ float* ahead(std::uint32_t stream) const {
        return this->at(places.ahead) + stream * model.front.outputs;
    }
    __device__ float* row(std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t now = (launch.streams.next[0] + step) % model.front_kernel;
        const std::size_t place = now >= age ? now - age : now + model.front_kernel - age;
        return this->queue(stream) + place * model.inputs.channels;
    }
    __device__ void hear_last(std::uint32_t stream) const {
        hear(model.inputs, launch.streams, first + stream, this->at(places.heard), 1);
    }

    // From what was heard to the first x; and then, while the layers are at it, all that can be known of the next step.
    __device__ void begin(std::uint32_t item, std::uint32_t stream, std::uint32_t step) const {
        const std::uint32_t outputs = model.front.outputs, channels = model.inputs.channels;
        const float* heard = this->at(places.heard);
        const float* weight =
            global_numbers<float>(model.front.weight) + std::size_t{model.front_kernel - 1} * channels * outputs;
        __syncthreads();
        float* to = out.x + stream * quads(outputs);
        for (std::uint32_t o = threadIdx.x; o < outputs; o += blockDim.x)
            to[o] = chain_by_fours(weight + o, outputs, heard, channels, ahead(stream)[o]);
        __syncthreads();
        if (threadIdx.x == 0) say<kReach>(out.x_given, item + 1);
        for (std::uint32_t c = threadIdx.x; c < channels; c += blockDim.x) row(stream, step, 0)[c] = heard[c];
        if (warp() == 0) {
            const std::uint32_t taps = model.inputs.taps, next = launch.streams.next[model.layers + 1];
            const double expected =
                expect(model.inputs, launch.streams, first + stream, taps == 0 ? 0 : (next + step) % taps);
            if (lane() == 0) location(stream) = expected;
        }
        __syncthreads();
        hear_past(stream, step + 1);
    }

    // What the front's past taps say of a step.
    __device__ void hear_past(std::uint32_t stream, std::uint32_t step) const {
        const std::uint32_t outputs = model.front.outputs, channels = model.inputs.channels;
        for (std::uint32_t o = threadIdx.x; o < outputs; o += blockDim.x) {
            const float* weight = global_numbers<float>(model.front.weight) + o;
            float sum = model.front.bias[o];
            for (std::uint32_t tap = 0; tap + 1 < model.front_kernel; ++tap, weight += std::size_t{channels} * outputs)
                sum = chain(weight, outputs, row(stream, step, model.front_kernel - 1 - tap), channels, sum);
            ahead(stream)[o] = sum;
        }
        __syncthreads();
    }

    // The head's hidden layer and the parameters.
    __device__ void decide(std::uint32_t stream) const {
        const float* given = in.skip + stream * quads(model.head.outputs);
        float *skip = this->at(places.skip), *hidden = this->at(places.hidden);
        for (std::uint32_t o = threadIdx.x; o < model.head.outputs; o += blockDim.x)
            skip[o] = this->from_mail(given + o);
        __syncthreads();
        apply(model.head, plan.head_on_chip, places.head, skip, true, hidden);
        apply(model.output, plan.output_on_chip, places.output, hidden, false, this->at(places.params));
    }
    __device__ void apply(const DeviceMatrix& matrix, bool on_chip, std::size_t place, const float* inputs,
                          bool rectified, float* to) const {
        const float *far = global_numbers<float>(matrix.weight), *near = this->at(place);
        const std::uint32_t outputs = matrix.outputs;
        for (std::uint32_t o = threadIdx.x; o < outputs; o += blockDim.x) {
            const float bias = matrix.bias[o];
            const float sum = on_chip ? chain_by_fours(near + o, outputs, inputs, matrix.inputs, bias)
                                      : chain_by_fours(far + o, outputs, inputs, matrix.inputs, bias);
            to[o] = rectified ? relu(sum) : sum;
        }
        __syncthreads();
    }

    EndPlaces places;
};

}  // namespace wavegen::cuda
