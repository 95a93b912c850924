// The block at both ends of the network. It turns the previous sample into the first x; from the final skip sums it
// computes the distribution and draws. One warp does everything from the draw to the first x, which avoids a
// block-wide barrier on the critical path.
#pragma once

#include "cuda/distribution.cuh"
#include "cuda/inputs.cuh"
#include "cuda/latency_blocks.cuh"

namespace wavegen::cuda {

// kBatch: front weights that a thread prefetches, as many as its registers allow.
template <bool kCluster, std::uint32_t kBatch>
struct EndBlock : BlockRole<kCluster> {
    using Base = BlockRole<kCluster>;
    using Base::first, Base::in, Base::items, Base::kScope, Base::launch, Base::messages_of, Base::model, Base::out,
        Base::plan, Base::streams;
    using Weights = Pair<float>;

    __device__ EndBlock(const Launch& call, const LatencyPlan& how, const LatencyLayout& layouts, char* messages)
        : Base(call, how, layouts, messages), layout(layouts.end) {}

    __device__ void prepare() const {
        const std::size_t head = std::size_t{model.skip} * model.head.outputs * sizeof(float);
        const std::size_t output = std::size_t{model.skip} * model.output.outputs * sizeof(float);
        const std::size_t front = std::size_t{model.inputs.channels} * model.front.outputs * sizeof(float);
        copy_words(model.head.bias, Base::at(layout.head_bias), model.head.outputs * sizeof(float));
        copy_words(model.output.bias, Base::at(layout.output_bias), model.output.outputs * sizeof(float));
        if (plan.head_on_chip) copy_words(model.head.weight, Base::at(layout.head), head);
        if (plan.output_on_chip) copy_words(model.output.weight, Base::at(layout.output), output);
        if (plan.front_on_chip) copy_words(current_tap(), Base::at(layout.front), front);
    }

    __device__ void run() const {
        for (std::uint32_t stream = 0; stream < streams; ++stream) {
            sum_past_taps(stream, 0);
            __syncthreads();
            if (warp() == 0) begin(stream, stream, 0, launch.streams.last[first + stream]);
            __syncthreads();
            sum_past_taps(stream, 1);
        }
        Stopwatch watch(threadIdx.x == 0);
        for (std::uint32_t item = 0; item < items; ++item) {
            const std::uint32_t stream = item % streams, step = item / streams;
            const bool goes_on = step + 1 < launch.steps;
            SampleStep sample(launch, first + stream, step);
            compute_parameters(stream, item + 1, watch);
            if (warp() == 0) {
                const float* params = Base::at(layout.params);
                char* scratch = Base::template at<char>(layout.scratch);
                const double expected = location(stream);
                const std::uint32_t symbol = sample.choose(params, scratch, expected);
                watch.lap(Phase::draw);
                if (goes_on) begin(item + streams, stream, step + 1, symbol);
                watch.lap(Phase::front);
                sample.report(params, scratch, expected);
            }
            if (!goes_on) continue;
            __syncthreads();
            sum_past_taps(stream, step + 2);
        }
    }

 private:
    __device__ const Weights* current_tap() const {
        const std::size_t past = std::size_t{model.front_kernel - 1} * model.inputs.channels * model.front.outputs / 2;
        return static_cast<const Weights*>(model.front.weight) + past;
    }
    __device__ double& location(std::uint32_t stream) const {
        return Base::template at<double>(layout.location)[stream];
    }
    __device__ float* ahead(std::uint32_t stream) const {
        return Base::at(layout.ahead) + stream * model.front.outputs;
    }
    __device__ float* row(std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t now = (launch.streams.next[0] + step) % model.front_kernel;
        const std::size_t index = now >= age ? now - age : now + model.front_kernel - age;
        return this->ring(stream) + index * model.inputs.channels;
    }

    // By one warp: computes and sends the first x, then stores the input in the ring and advances the predictor.
    __device__ void begin(std::uint32_t item, std::uint32_t stream, std::uint32_t step, std::uint32_t symbol) const {
        const std::uint32_t channels = model.inputs.channels;
        float* input = Base::at(layout.input);
        write_input(model.inputs, launch.streams, first + stream, symbol, input, 1);
        __syncwarp();
        send_first_x(plan.front_on_chip ? Base::template at<Weights>(layout.front) : current_tap(), input, item,
                     stream);
        for (std::uint32_t c = lane(); c < channels; c += kWarp) row(stream, step, 0)[c] = input[c];
        const std::uint32_t taps = model.inputs.taps, next = launch.streams.next[model.layers + 1];
        const double expected = advance_predictor(model.inputs, launch.streams, first + stream, symbol,
                                                  taps == 0 ? 0 : (next + step) % taps);
        if (lane() == 0) location(stream) = expected;
        __syncwarp();
    }
    __device__ void send_first_x(const Weights* weight, const float* input, std::uint32_t item,
                                 std::uint32_t stream) const {
        const std::uint32_t outputs = model.front.outputs;
        for (std::uint32_t pair = lane(); pair < outputs / 2; pair += kWarp) {
            Two sums = two_at(ahead(stream), pair);
            PairDotProduct<float, kBatch>(weight + pair, outputs / 2, model.inputs.channels).run(input, sums);
            send<kScope>(messages_of(out.x, stream, outputs) + pair, {{sums.even, item + 1}, {sums.odd, item + 1}});
        }
    }

    // Sums the front's past taps of a step; the inputs of all earlier steps must be in the ring.
    __device__ void sum_past_taps(std::uint32_t stream, std::uint32_t step) const {
        const std::uint32_t outputs = model.front.outputs, channels = model.inputs.channels;
        for (std::uint32_t pair = threadIdx.x; pair < outputs / 2; pair += blockDim.x) {
            const Weights* weight = global_numbers<Weights>(model.front.weight) + pair;
            Two sums = two_at(model.front.bias, pair);
            for (std::uint32_t tap = 0; tap + 1 < model.front_kernel; ++tap)
                PairDotProduct<float>(weight + std::size_t{tap} * channels * (outputs / 2), outputs / 2, channels)
                    .template run<false>(row(stream, step, model.front_kernel - 1 - tap), sums);
            ahead(stream)[2 * pair] = sums.even;
            ahead(stream)[2 * pair + 1] = sums.odd;
        }
    }

    // Receives the skip sums and computes the head's hidden layer and the parameters.
    __device__ void compute_parameters(std::uint32_t stream, std::uint32_t item, Stopwatch& watch) const {
        const MessagePair* given = messages_of(in.skip, stream, model.head.outputs);
        float *skip = Base::at(layout.skip), *hidden = Base::at(layout.hidden);
        for (std::uint32_t pair = threadIdx.x; pair < model.head.outputs / 2; pair += blockDim.x)
            put(receive<kScope>(given + pair, item), skip + 2 * pair);
        watch.lap(Phase::wait_skip);
        apply(model.head, plan.head_on_chip, layout.head, layout.head_bias, skip, true, hidden);
        apply(model.output, plan.output_on_chip, layout.output, layout.output_bias, hidden, false,
              Base::at(layout.params));
        __syncthreads();
        watch.lap(Phase::head);
    }
    __device__ void apply(const DeviceMatrix& matrix, bool on_chip, std::uint32_t offset, std::uint32_t bias,
                          const float* inputs, bool rectified, float* to) const {
        const Weights* weight =
            on_chip ? Base::template at<Weights>(offset) : static_cast<const Weights*>(matrix.weight);
        multiply<float, 16>(
            weight, matrix.outputs / 2, matrix.inputs, inputs, threadIdx.x, blockDim.x,
            [&](std::uint32_t pair) { return two_at(Base::at(bias), pair); }, [] { __syncthreads(); },
            [&](std::uint32_t pair, const Two& sums) {
                to[2 * pair] = rectified ? relu(sums.even) : sums.even;
                to[2 * pair + 1] = rectified ? relu(sums.odd) : sums.odd;
            });
    }

    const EndLayout& layout;
};

}  // namespace wavegen::cuda
