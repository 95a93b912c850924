// Many streams: a block owns a group of them and takes it through all layers, step by step. Each weight, which comes
// from the L2 cache, is multiplied with all streams of the group; nothing waits for another block.
#pragma once

#include "cuda/clocks.cuh"
#include "cuda/distribution.cuh"
#include "cuda/dot_products.cuh"
#include "cuda/inputs.cuh"
#include "cuda/memory_layout.h"

namespace wavegen::cuda {

// What the block's threads share during one call.
template <std::uint32_t kWidth>
struct Desk {
    __device__ Desk(const Launch& call, char* base)
        : launch(call), model(call.model), places(ThroughputPlaces::of(call.model, kWidth, warps())) {
        location = reinterpret_cast<double*>(base);
        scratch = base + places.scratch;
        heard = reinterpret_cast<float*>(base + places.heard);
        x = reinterpret_cast<float*>(base + places.x);
        z = reinterpret_cast<float*>(base + places.z);
        skip = reinterpret_cast<float*>(base + places.skip);
        hidden = reinterpret_cast<float*>(base + places.hidden);
        params = reinterpret_cast<float*>(base + places.params);
        queues = call.streams.queues + std::size_t{blockIdx.x} * kWidth * call.model.queue;
        first = blockIdx.x * kWidth;
        streams = call.streams.count - first < kWidth ? call.streams.count - first : kWidth;
    }
    const Launch& launch;
    const DeviceModel& model;
    ThroughputPlaces places;
    double* location;
    char* scratch;
    float *heard, *x, *z, *skip, *hidden, *params, *queues;
    std::uint32_t first, streams;
};

// Calls with(pair of outputs, columns) for what this thread does of `pairs` pairs for all streams of the group:
// neighbours in a warp have neighbouring pairs, and mostly the same columns.
template <std::uint32_t kWidth, class With>
__device__ inline void each_task(std::uint32_t pairs, const With& with) {
    for (std::uint32_t task = threadIdx.x; task < pairs * (kWidth / kColumns); task += blockDim.x)
        with(task % pairs, task / pairs * kColumns);
}

__device__ inline Columns& columns_of(float* row) { return *reinterpret_cast<Columns*>(row); }

__device__ inline Sums bias_of(const DeviceMatrix& matrix, std::uint32_t pair) {
    return {all(matrix.bias[2 * pair]), all(matrix.bias[2 * pair + 1])};
}

template <class Weight>
__device__ inline const Pair<Weight>* weights_of(const DeviceMatrix& matrix, std::uint32_t pair) {
    return global_numbers<Pair<Weight>>(matrix.weight) + pair;
}

// Adds what a matrix makes of all taps, oldest first: those of the past are in the queue, whose slot `now` is the
// current step's, which `current` is, too. (Apart, so that each is read from a kind of memory that the compiler knows.)
template <class Weight, std::uint32_t kWidth>
__device__ inline void add_taps(const DeviceMatrix& matrix, const float* queue, const float* current,
                                std::uint32_t width, std::uint32_t kernel, std::uint32_t dilation, std::uint32_t slots,
                                std::uint32_t now, std::uint32_t pair, Sums& sums) {
    const std::uint32_t pairs = matrix.outputs / 2;
    const Pair<Weight>* weight = weights_of<Weight>(matrix, pair);
    for (std::uint32_t age = (kernel - 1) * dilation; age > 0; age -= dilation, weight += std::size_t{width} * pairs) {
        const std::size_t slot = now >= age ? now - age : now + slots - age;
        add_products<Weight>(weight, pairs, queue + slot * width * kWidth, kWidth, width, sums);
    }
    add_products<Weight>(weight, pairs, current, kWidth, width, sums);
}

template <std::uint32_t kWidth>
__device__ inline void push(const float* rows, std::uint32_t width, float* queue, std::uint32_t now) {
    float* slot = queue + std::size_t{now} * width * kWidth;
    for (std::uint32_t at = threadIdx.x; at < width * kWidth; at += blockDim.x) slot[at] = rows[at];
}

template <std::uint32_t kWidth>
__device__ inline void hear_all(const Desk<kWidth>& desk, std::uint32_t step) {
    const DeviceInputs& inputs = desk.model.inputs;
    for (std::uint32_t s = warp(); s < desk.streams; s += warps()) {
        const std::uint32_t symbol = desk.launch.streams.last[desk.first + s];
        hear(inputs, desk.launch.streams, desk.first + s, symbol, desk.heard + s, kWidth);
        const std::uint32_t next = desk.launch.streams.next[desk.model.layers + 1];
        const std::uint32_t place = inputs.taps == 0 ? 0 : (next + step) % inputs.taps;
        const double location = expect(inputs, desk.launch.streams, desk.first + s, symbol, place);
        if (lane() == 0) desk.location[s] = location;
    }
}

template <std::uint32_t kWidth>
__device__ inline void front(const Desk<kWidth>& desk, std::uint32_t step) {
    const DeviceModel& model = desk.model;
    const std::uint32_t now = (desk.launch.streams.next[0] + step) % model.front_kernel;
    push<kWidth>(desk.heard, model.inputs.channels, desk.queues, now);
    each_task<kWidth>(model.front.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(model.front, pair);
        add_taps<float, kWidth>(model.front, desk.queues + column, desk.heard + column, model.inputs.channels,
                                model.front_kernel, 1, model.front_kernel, now, pair, sums);
        columns_of(desk.x + 2 * pair * kWidth + column) = sums.even;
        columns_of(desk.x + (2 * pair + 1) * kWidth + column) = sums.odd;
    });
}

// From x and its past to z.
template <class Weight, std::uint32_t kWidth>
__device__ inline void gate(const Desk<kWidth>& desk, const DeviceLayer& layer, std::uint32_t now) {
    const std::uint32_t width = desk.model.residual;
    float* queue = desk.queues + layer.queue * kWidth;
    push<kWidth>(desk.x, width, queue, now);
    each_task<kWidth>(desk.model.half, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(layer.gates, pair);
        add_taps<Weight, kWidth>(layer.gates, queue + column, desk.x + column, width, desk.model.kernel, layer.dilation,
                                 layer.slots, now, pair, sums);
        Columns& z = columns_of(desk.z + pair * kWidth + column);
        for (std::uint32_t c = 0; c < kColumns; ++c)
            z.of[c] = opened(gate_signal(sums.even.of[c]), gate_opening(sums.odd.of[c]));
    });
}

// From z to the skip sums and the next layer's x.
template <class Weight, std::uint32_t kWidth>
__device__ inline void pass_on(const Desk<kWidth>& desk, const DeviceLayer& layer, bool first) {
    const std::uint32_t skips = layer.skip.outputs / 2,
                        residuals = layer.residual.inputs ? layer.residual.outputs / 2 : 0;
    const bool last = residuals == 0;
    each_task<kWidth>(skips + residuals, [&](std::uint32_t task, std::uint32_t column) {
        const bool skip = task < skips;
        const std::uint32_t pair = skip ? task : task - skips;
        const DeviceMatrix& matrix = skip ? layer.skip : layer.residual;
        float* row = (skip ? desk.skip : desk.x) + 2 * pair * kWidth + column;
        Columns &even = columns_of(row), &odd = columns_of(row + kWidth);
        Sums sums = skip && first ? bias_of(matrix, pair) : Sums{even, odd};
        for (std::uint32_t c = 0; c < kColumns && !skip; ++c) {
            sums.even.of[c] += matrix.bias[2 * pair];
            sums.odd.of[c] += matrix.bias[2 * pair + 1];
        }
        add_products<Weight>(weights_of<Weight>(matrix, pair), matrix.outputs / 2, desk.z + column, kWidth,
                             matrix.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            even.of[c] = skip && last ? relu(sums.even.of[c]) : sums.even.of[c];
            odd.of[c] = skip && last ? relu(sums.odd.of[c]) : sums.odd.of[c];
        }
    });
}

// The hidden layer of the head, and the parameters, a row of them for each stream.
template <std::uint32_t kWidth>
__device__ inline void head(const Desk<kWidth>& desk) {
    const DeviceMatrix &hidden = desk.model.head, &output = desk.model.output;
    each_task<kWidth>(hidden.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(hidden, pair);
        add_products<float>(weights_of<float>(hidden, pair), hidden.outputs / 2, desk.skip + column, kWidth,
                            hidden.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            desk.hidden[2 * pair * kWidth + column + c] = relu(sums.even.of[c]);
            desk.hidden[(2 * pair + 1) * kWidth + column + c] = relu(sums.odd.of[c]);
        }
    });
    __syncthreads();
    each_task<kWidth>(output.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(output, pair);
        add_products<float>(weights_of<float>(output, pair), output.outputs / 2, desk.hidden + column, kWidth,
                            output.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            float* row = desk.params + (column + c) * output.outputs + 2 * pair;
            row[0] = sums.even.of[c];
            row[1] = sums.odd.of[c];
        }
    });
}

template <class Weight, std::uint32_t kWidth>
__device__ inline void step_of(const Desk<kWidth>& desk, std::uint32_t step, Stopwatch& watch) {
    const DeviceModel& model = desk.model;
    hear_all(desk, step);
    __syncthreads();
    watch.lap(Phase::hear);
    front(desk, step);
    __syncthreads();
    watch.lap(Phase::front);
    for (std::uint32_t l = 0; l < model.layers; ++l) {
        const DeviceLayer& layer = model.layer[l];
        gate<Weight>(desk, layer, (desk.launch.streams.next[l + 1] + step) % layer.slots);
        __syncthreads();
        watch.lap(Phase::gate);
        pass_on<Weight>(desk, layer, l == 0);
        __syncthreads();
        watch.lap(Phase::residual);
    }
    head(desk);
    __syncthreads();
    watch.lap(Phase::head);
    for (std::uint32_t s = warp(); s < desk.streams; s += warps()) {
        const float* params = desk.params + s * model.output.outputs;
        char* scratch = desk.scratch + warp() * model.scratch;
        Settling settling(desk.launch, desk.first + s, step);
        settling.choose(params, scratch, desk.location[s]);
        settling.report(params, scratch, desk.location[s]);
    }
    __syncthreads();
    watch.lap(Phase::draw);
}

// Blocks of any whole number of warps; one for each group of kWidth streams. They keep their numbers in shared memory,
// or where that is too small each in its part of `spilled`.
template <class Weight, std::uint32_t kWidth, bool kShared>
__global__ void __launch_bounds__(256, 2) throughput(const __grid_constant__ Launch launch, char* spilled) {
    const std::size_t bytes = ThroughputPlaces::of(launch.model, kWidth, warps()).bytes;
    char* base = kShared ? shared_memory() : spilled + blockIdx.x * bytes;
    const Desk<kWidth> desk(launch, base);
    for (std::uint32_t at = threadIdx.x; at < launch.model.inputs.channels * kWidth; at += blockDim.x)
        desk.heard[at] = 0.0f;  // of idle streams
    __syncthreads();
    Stopwatch watch(blockIdx.x == 0 && threadIdx.x == 0);
    for (std::uint32_t step = 0; step < launch.steps; ++step) step_of<Weight>(desk, step, watch);
}

}  // namespace wavegen::cuda
