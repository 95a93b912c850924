// What a block that owns layers keeps in shared memory: their weights, and x, z and sums of past taps per stream.
#pragma once

#include "cuda/latency_blocks.cuh"

namespace wavegen::cuda {

// kInputs: the common number of inputs of gates, residual and skip sums, if so small that lead threads keep columns
// of weights in registers; 0 for any numbers, known at run time.
template <class Weight, bool kCluster, std::uint32_t kInputs>
struct LayerMemory : BlockRole<kCluster> {
    using Base = BlockRole<kCluster>;
    using Base::launch, Base::model, Base::plan;
    using Weights = Pair<Weight>;

    __device__ LayerMemory(const Launch& call, const LatencyPlan& how, const LatencyLayout& layouts, char* messages)
        : Base(call, how, layouts, messages),
          layout(layouts.layer),
          begin(how.first_layer(this->rank, call.model.layers)),
          end(how.first_layer(this->rank + 1, call.model.layers)),
          done(Base::template at<std::uint32_t>(layout.done)),
          ahead_done(Base::template at<std::uint32_t>(layout.ahead_done)) {}

    // Initialises shared memory.
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

    // Copies the lead threads' weights: unchanged, or in words of columns.
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
        return Base::template at<Weights>(layout.gates + (l - begin) * layout.each_gates);
    }
    __device__ Weights* residual(std::uint32_t l) const {
        return Base::template at<Weights>(layout.residual + (l - begin) * layout.each_residual);
    }
    __device__ Weights* skip_on_chip(std::uint32_t l) const {
        return Base::template at<Weights>(layout.skip + (l - begin) * layout.each_skip);
    }
    __device__ float* bias(std::uint32_t l) const { return Base::at(layout.bias) + (l - begin) * model.front.outputs; }
    __device__ std::uint32_t slot(std::uint32_t l, std::uint32_t stream) const {  // of data kept per layer and stream
        return stream * layout.layers + (l - begin);
    }
    __device__ float* x(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(layout.x) + slot(l, stream) * quads(model.front.outputs);
    }
    __device__ float* z(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(layout.z) + slot(l, stream) * quads(model.half);
    }
    __device__ float* ahead(std::uint32_t l, std::uint32_t stream) const {
        return Base::at(layout.ahead) + slot(l, stream) * 2 * model.half;
    }
    __device__ float* row(const DeviceLayer& layer, std::uint32_t stream, std::uint32_t step, std::uint32_t age) const {
        const std::uint32_t l = static_cast<std::uint32_t>(&layer - model.layer);
        const std::uint32_t now = (launch.streams.next[l + 1] + step) % layer.slots;
        const std::size_t index = now >= age ? now - age : now + layer.slots - age;
        return this->ring(stream) + layer.ring + index * model.residual;
    }

    const LayerLayout& layout;
    std::uint32_t begin, end;
    std::uint32_t *done, *ahead_done;  // number of finished items, per layer and of all layers
};

}  // namespace wavegen::cuda
