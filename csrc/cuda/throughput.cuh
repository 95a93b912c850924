// Many streams: a block owns a group of streams and runs it through all layers, step by step. Each weight, loaded
// from the L2 cache, serves all streams of the group. Blocks do not wait for each other.
#pragma once

#include "cuda/clocks.cuh"
#include "cuda/distribution.cuh"
#include "cuda/dot_products.cuh"
#include "cuda/inputs.cuh"
#include "cuda/memory_layout.h"

namespace wavegen::cuda {

// The state of a block's group during one call.
template <std::uint32_t kWidth>
struct GroupState {
    __device__ GroupState(const Launch& call, char* base)
        : launch(call), model(call.model), layout(ThroughputLayout::of(call.model, kWidth, warps())) {
        location = reinterpret_cast<double*>(base);
        conditions = reinterpret_cast<const float**>(base + layout.conditions);
        scratch = base + layout.scratch;
        input = reinterpret_cast<float*>(base + layout.input);
        x = reinterpret_cast<float*>(base + layout.x);
        z = reinterpret_cast<float*>(base + layout.z);
        skip = reinterpret_cast<float*>(base + layout.skip);
        hidden = reinterpret_cast<float*>(base + layout.hidden);
        params = reinterpret_cast<float*>(base + layout.params);
        rings = call.streams.rings + std::size_t{blockIdx.x} * kWidth * call.model.ring_floats;
        first = blockIdx.x * kWidth;
        streams = call.streams.count - first < kWidth ? call.streams.count - first : kWidth;
    }
    const Launch& launch;
    const DeviceModel& model;
    ThroughputLayout layout;
    double* location;
    const float** conditions;  // the vectors of this step, one a stream
    char* scratch;
    float *input, *x, *z, *skip, *hidden, *params, *rings;
    std::uint32_t first, streams;
};

// Calls with(output pair, first column) for this thread's share of `pairs` pairs times all streams of the group.
// Neighbouring lanes have neighbouring pairs and mostly the same columns.
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

// Adds the dot products of all taps, oldest first. Past taps are read from the ring, whose slot `now` is the current
// step's; the current tap is read from `current`, a copy of that slot, so that each load's memory space is known at
// compile time. Between the two it calls before_current(sums).
template <class Weight, std::uint32_t kWidth, class BeforeCurrent>
__device__ inline void add_taps(const DeviceMatrix& matrix, const float* ring, const float* current,
                                std::uint32_t width, std::uint32_t kernel, std::uint32_t dilation, std::uint32_t slots,
                                std::uint32_t now, std::uint32_t pair, Sums& sums,
                                const BeforeCurrent& before_current) {
    const std::uint32_t pairs = matrix.outputs / 2;
    const Pair<Weight>* weight = weights_of<Weight>(matrix, pair);
    for (std::uint32_t age = (kernel - 1) * dilation; age > 0; age -= dilation, weight += std::size_t{width} * pairs) {
        const std::size_t slot = now >= age ? now - age : now + slots - age;
        add_products<Weight>(weight, pairs, ring + slot * width * kWidth, kWidth, width, sums);
    }
    before_current(sums);
    add_products<Weight>(weight, pairs, current, kWidth, width, sums);
}

template <std::uint32_t kWidth>
__device__ inline void push(const float* rows, std::uint32_t width, float* ring, std::uint32_t now) {
    float* slot = ring + std::size_t{now} * width * kWidth;
    for (std::uint32_t at = threadIdx.x; at < width * kWidth; at += blockDim.x) slot[at] = rows[at];
}

template <std::uint32_t kWidth>
__device__ inline void write_inputs(const GroupState<kWidth>& group, std::uint32_t step) {
    const DeviceInputs& inputs = group.model.inputs;
    for (std::uint32_t s = warp(); s < group.streams; s += warps()) {
        const std::uint32_t symbol = group.launch.streams.last[group.first + s];
        write_input(inputs, group.launch.streams, group.first + s, symbol, group.input + s, kWidth);
        const std::uint32_t next = group.launch.streams.next[group.model.layers + 1];
        const std::uint32_t slot = inputs.taps == 0 ? 0 : (next + step) % inputs.taps;
        const double location = advance_predictor(inputs, group.launch.streams, group.first + s, symbol, slot);
        if (lane() != 0) continue;
        group.location[s] = location;
        const Conditions& conditions = group.launch.conditions;
        if (conditions.vectors != nullptr) group.conditions[s] = conditions.at(group.first + s, step);
    }
}

// Adds what the streams are conditioned on to the filter and gate of `pair`; `vector` is the offset of the layer's.
template <std::uint32_t kWidth>
__device__ inline void add_condition(const GroupState<kWidth>& group, std::size_t vector, std::uint32_t pair,
                                     std::uint32_t column, Sums& sums) {
    if (group.launch.conditions.vectors == nullptr) return;
    for (std::uint32_t c = 0; c < kColumns && column + c < group.streams; ++c) {
        const float* here = group.conditions[column + c] + vector + pair;
        sums.even.of[c] += here[0];
        sums.odd.of[c] += here[padded(group.model.half)];
    }
}

template <std::uint32_t kWidth>
__device__ inline void front(const GroupState<kWidth>& group, std::uint32_t step) {
    const DeviceModel& model = group.model;
    const std::uint32_t now = (group.launch.streams.next[0] + step) % model.front_kernel;
    push<kWidth>(group.input, model.inputs.channels, group.rings, now);
    each_task<kWidth>(model.front.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(model.front, pair);
        add_taps<float, kWidth>(model.front, group.rings + column, group.input + column, model.inputs.channels,
                                model.front_kernel, 1, model.front_kernel, now, pair, sums, [](Sums&) {});
        columns_of(group.x + 2 * pair * kWidth + column) = sums.even;
        columns_of(group.x + (2 * pair + 1) * kWidth + column) = sums.odd;
    });
}

// From x and its history to z.
template <class Weight, std::uint32_t kWidth>
__device__ inline void gate(const GroupState<kWidth>& group, const DeviceLayer& layer, std::uint32_t now) {
    const std::size_t vector = condition_offset(group.model, static_cast<std::uint32_t>(&layer - group.model.layer));
    const std::uint32_t width = group.model.residual;
    float* ring = group.rings + layer.ring * kWidth;
    push<kWidth>(group.x, width, ring, now);
    each_task<kWidth>(group.model.half, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(layer.gates, pair);
        add_taps<Weight, kWidth>(layer.gates, ring + column, group.x + column, width, group.model.kernel,
                                 layer.dilation, layer.slots, now, pair, sums,
                                 [&](Sums& past) { add_condition(group, vector, pair, column, past); });
        Columns& z = columns_of(group.z + pair * kWidth + column);
        for (std::uint32_t c = 0; c < kColumns; ++c)
            z.of[c] = gated(filter_term(sums.even.of[c]), gate_term(sums.odd.of[c]));
    });
}

// From z to the skip sums and the next layer's x.
template <class Weight, std::uint32_t kWidth>
__device__ inline void skip_and_residual(const GroupState<kWidth>& group, const DeviceLayer& layer, bool first) {
    const std::uint32_t skips = layer.skip.outputs / 2,
                        residuals = layer.residual.inputs ? layer.residual.outputs / 2 : 0;
    const bool last = residuals == 0;
    each_task<kWidth>(skips + residuals, [&](std::uint32_t task, std::uint32_t column) {
        const bool skip = task < skips;
        const std::uint32_t pair = skip ? task : task - skips;
        const DeviceMatrix& matrix = skip ? layer.skip : layer.residual;
        float* row = (skip ? group.skip : group.x) + 2 * pair * kWidth + column;
        Columns &even = columns_of(row), &odd = columns_of(row + kWidth);
        Sums sums = skip && first ? bias_of(matrix, pair) : Sums{even, odd};
        for (std::uint32_t c = 0; c < kColumns && !skip; ++c) {
            sums.even.of[c] += matrix.bias[2 * pair];
            sums.odd.of[c] += matrix.bias[2 * pair + 1];
        }
        add_products<Weight>(weights_of<Weight>(matrix, pair), matrix.outputs / 2, group.z + column, kWidth,
                             matrix.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            even.of[c] = skip && last ? relu(sums.even.of[c]) : sums.even.of[c];
            odd.of[c] = skip && last ? relu(sums.odd.of[c]) : sums.odd.of[c];
        }
    });
}

// The head's hidden layer, and the parameters, one row per stream.
template <std::uint32_t kWidth>
__device__ inline void head(const GroupState<kWidth>& group) {
    const DeviceMatrix &hidden = group.model.head, &output = group.model.output;
    each_task<kWidth>(hidden.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(hidden, pair);
        add_products<float>(weights_of<float>(hidden, pair), hidden.outputs / 2, group.skip + column, kWidth,
                            hidden.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            group.hidden[2 * pair * kWidth + column + c] = relu(sums.even.of[c]);
            group.hidden[(2 * pair + 1) * kWidth + column + c] = relu(sums.odd.of[c]);
        }
    });
    __syncthreads();
    each_task<kWidth>(output.outputs / 2, [&](std::uint32_t pair, std::uint32_t column) {
        Sums sums = bias_of(output, pair);
        add_products<float>(weights_of<float>(output, pair), output.outputs / 2, group.hidden + column, kWidth,
                            output.inputs, sums);
        for (std::uint32_t c = 0; c < kColumns; ++c) {
            float* row = group.params + (column + c) * output.outputs + 2 * pair;
            row[0] = sums.even.of[c];
            row[1] = sums.odd.of[c];
        }
    });
}

template <class Weight, std::uint32_t kWidth>
__device__ inline void step_of(const GroupState<kWidth>& group, std::uint32_t step, Stopwatch& watch) {
    const DeviceModel& model = group.model;
    write_inputs(group, step);
    __syncthreads();
    watch.lap(Phase::input);
    front(group, step);
    __syncthreads();
    watch.lap(Phase::front);
    for (std::uint32_t l = 0; l < model.layers; ++l) {
        const DeviceLayer& layer = model.layer[l];
        gate<Weight>(group, layer, (group.launch.streams.next[l + 1] + step) % layer.slots);
        __syncthreads();
        watch.lap(Phase::gate);
        skip_and_residual<Weight>(group, layer, l == 0);
        __syncthreads();
        watch.lap(Phase::residual);
    }
    head(group);
    __syncthreads();
    watch.lap(Phase::head);
    for (std::uint32_t s = warp(); s < group.streams; s += warps()) {
        const float* params = group.params + s * model.output.outputs;
        char* scratch = group.scratch + warp() * model.scratch;
        SampleStep sample(group.launch, group.first + s, step);
        sample.choose(params, scratch, group.location[s]);
        sample.report(params, scratch, group.location[s]);
    }
    __syncthreads();
    watch.lap(Phase::draw);
}

// One block, of any whole number of warps, per group of kWidth streams. Its data is in shared memory or, if too
// large, in its part of `spilled`.
template <class Weight, std::uint32_t kWidth, bool kShared>
__global__ void __launch_bounds__(256, 2) throughput(const __grid_constant__ Launch launch, char* spilled) {
    const std::size_t bytes = ThroughputLayout::of(launch.model, kWidth, warps()).bytes;
    char* base = kShared ? shared_memory() : spilled + blockIdx.x * bytes;
    const GroupState<kWidth> group(launch, base);
    for (std::uint32_t at = threadIdx.x; at < launch.model.inputs.channels * kWidth; at += blockDim.x)
        group.input[at] = 0.0f;  // for idle streams
    __syncthreads();
    Stopwatch watch(blockIdx.x == 0 && threadIdx.x == 0);
    for (std::uint32_t step = 0; step < launch.steps; ++step) step_of<Weight>(group, step, watch);
}

}  // namespace wavegen::cuda
