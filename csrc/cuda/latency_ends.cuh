// The block at both ends of the network: it hears the sample before and gives the first x, and where the skip sums have
// come round, it makes a distribution of them, and draws. From the draw to the first x one warp does it all, as all
// others would have to be waited for.
#pragma once

#include "cuda/distribution.cuh"
#include "cuda/inputs.cuh"
#include "cuda/latency_blocks.cuh"

namespace wavegen::cuda {

// kBatch: weights of the front that a thread reads ahead, as many as it has registers for.
template <bool kCluster, std::uint32_t kBatch>
struct EndBlock : Station<kCluster> {
    using Base = Station<kCluster>;
    using Base::first, Base::in, Base::items, Base::kReach, Base::launch, Base::letters, Base::model, Base::out,
        Base::plan, Base::streams;
    using Weights = Pair<float>;

    __device__ EndBlock(const Launch& call, const LatencyPlan& how, const LatencyPlaces& where, char* mailboxes)
        : Base(call, how, where, mailboxes), places(where.end) {}

    __device__ void prepare() const {
        const std::size_t head = std::size_t{model.skip} * model.head.outputs * sizeof(float);
        const std::size_t output = std::size_t{model.skip} * model.output.outputs * sizeof(float);
        const std::size_t front = std::size_t{model.inputs.channels} * model.front.outputs * sizeof(float);
        copy_words(model.head.bias, Base::at(places.head_bias), model.head.outputs * sizeof(float));
        copy_words(model.output.bias, Base::at(places.output_bias), model.output.outputs * sizeof(float));
        if (plan.head_on_chip) copy_words(model.head.weight, Base::at(places.head), head);
        if (plan.output_on_chip) copy_words(model.output.weight, Base::at(places.output), output);
        if (plan.front_on_chip) copy_words(current_tap(), Base::at(places.front), front);
    }

    __device__ void run() const {
        for (std::uint32_t stream = 0; stream < streams; ++stream) {
            hear_past(stream, 0);
            __syncthreads();
            if (warp() == 0) begin(stream, stream, 0, launch.streams.last[first + stream]);
            __syncthreads();
            hear_past(stream, 1);
        }
        Stopwatch watch(threadIdx.x == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            const bool goes_on = step + 1 < launch.steps;
            Settling settling(launch, first + stream, step);
            decide(stream, item + 1, watch);
            if (warp() == 0) {
                const float* params = Base::at(places.params);
                char* scratch = Base::template at<char>(places.scratch);
                const double expected = location(stream);
                const std::uint32_t symbol = settling.choose(params, scratch, expected);
                watch.lap(Phase::draw);
                if (goes_on) begin(item + streams, stream, step + 1, symbol);
                watch.lap(Phase::front);
                settling.report(params, scratch, expected);
            }
            if (!goes_on) continue;
            __syncthreads();
            hear_past(stream, step + 2);
        }
    }

 private:
    __device__ const Weights* current_tap() const {
        const std::size_t past = std::size_t{model.front_kernel - 1} * model.inputs.channels * model.front.outputs / 2;
        return static_cast<const Weights*>(model.front.weight) + past;
    }
    __device__ double& location(std::uint32_t stream) const {
        return Base::template at<double>(places.location)[stream];
    }
    __device__ float* ahead(std::uint32_t stream) const {
        return Base::at(places.ahead) + stream * model.front.outputs;
    }
    __device__ float* row(std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t now = (launch.streams.next[0] + step) % model.front_kernel;
        const std::size_t place = now >= age ? now - age : now + model.front_kernel - age;
        return this->queue(stream) + place * model.inputs.channels;
    }

    // One warp, from the sample before to the first x; and then what else that sample is for.
    __device__ void begin(std::uint32_t item, std::uint32_t stream, std::uint32_t step, std::uint32_t symbol) const {
        const std::uint32_t channels = model.inputs.channels;
        float* heard = Base::at(places.heard);
        hear(model.inputs, launch.streams, first + stream, symbol, heard, 1);
        __syncwarp();
        give(plan.front_on_chip ? Base::template at<Weights>(places.front) : current_tap(), heard, item, stream);
        for (std::uint32_t c = lane(); c < channels; c += kWarp) row(stream, step, 0)[c] = heard[c];
        const std::uint32_t taps = model.inputs.taps, next = launch.streams.next[model.layers + 1];
        const double expected =
            expect(model.inputs, launch.streams, first + stream, symbol, taps == 0 ? 0 : (next + step) % taps);
        if (lane() == 0) location(stream) = expected;
        __syncwarp();
    }
    __device__ void give(const Weights* weight, const float* heard, std::uint32_t item, std::uint32_t stream) const {
        const std::uint32_t outputs = model.front.outputs;
        for (std::uint32_t pair = lane(); pair < outputs / 2; pair += kWarp) {
            Two sums = two_at(ahead(stream), pair);
            PairChain<float, kBatch>(weight + pair, outputs / 2, model.inputs.channels).run(heard, sums);
            send<kReach>(letters(out.x, stream, outputs) + pair, {{sums.even, item + 1}, {sums.odd, item + 1}});
        }
    }

    // What the front's past taps say of a step, when all that was heard before is in its queue.
    __device__ void hear_past(std::uint32_t stream, std::uint32_t step) const {
        const std::uint32_t outputs = model.front.outputs, channels = model.inputs.channels;
        for (std::uint32_t pair = threadIdx.x; pair < outputs / 2; pair += blockDim.x) {
            const Weights* weight = global_numbers<Weights>(model.front.weight) + pair;
            Two sums = two_at(model.front.bias, pair);
            for (std::uint32_t tap = 0; tap + 1 < model.front_kernel; ++tap)
                PairChain<float>(weight + std::size_t{tap} * channels * (outputs / 2), outputs / 2, channels)
                    .template run<false>(row(stream, step, model.front_kernel - 1 - tap), sums);
            ahead(stream)[2 * pair] = sums.even;
            ahead(stream)[2 * pair + 1] = sums.odd;
        }
    }

    // The head's hidden layer and the parameters, when the skip sums have come.
    __device__ void decide(std::uint32_t stream, std::uint32_t item, Stopwatch& watch) const {
        const Letters* given = letters(in.skip, stream, model.head.outputs);
        float *skip = Base::at(places.skip), *hidden = Base::at(places.hidden);
        for (std::uint32_t pair = threadIdx.x; pair < model.head.outputs / 2; pair += blockDim.x)
            put(receive<kReach>(given + pair, item), skip + 2 * pair);
        watch.lap(Phase::wait_skip);
        apply(model.head, plan.head_on_chip, places.head, places.head_bias, skip, true, hidden);
        apply(model.output, plan.output_on_chip, places.output, places.output_bias, hidden, false,
              Base::at(places.params));
        __syncthreads();
        watch.lap(Phase::head);
    }
    __device__ void apply(const DeviceMatrix& matrix, bool on_chip, std::uint32_t place, std::uint32_t bias,
                          const float* inputs, bool rectified, float* to) const {
        const Weights* weight =
            on_chip ? Base::template at<Weights>(place) : static_cast<const Weights*>(matrix.weight);
        multiply<float, 16>(
            weight, matrix.outputs / 2, matrix.inputs, inputs, threadIdx.x, blockDim.x,
            [&](std::uint32_t pair) { return two_at(Base::at(bias), pair); }, [] { __syncthreads(); },
            [&](std::uint32_t pair, const Two& sums) {
                to[2 * pair] = rectified ? relu(sums.even) : sums.even;
                to[2 * pair + 1] = rectified ? relu(sums.odd) : sums.odd;
            });
    }

    const EndPlaces& places;
};

}  // namespace wavegen::cuda
