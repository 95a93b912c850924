// Arrays by name, and the checks of a WaveNet's.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings/checks.h"
#include "cpu/kernels.h"
#include "networks/wavenet_arrays.h"

namespace wavegen {

constexpr std::size_t kMaxLayers = 256, kMaxTaps = 64, kMaxDilation = 65536, kMaxFrontTaps = 4096;
constexpr std::size_t kMaxWidth = 8192;

// Arrays by name; keeps those that were checked alive.
class NamedArrays {
 public:
    explicit NamedArrays(const nb::dict& arrays) : arrays_(arrays) {}

    bool has(const std::string& name) const { return arrays_.contains(name.c_str()); }

    template <std::size_t kDimensions>
    Array<float, kDimensions> find(const std::string& name) const {
        Array<float, kDimensions> array;
        require(has(name), name + " is missing");
        require(nb::try_cast(arrays_[name.c_str()], array, false),
                name + " must be a contiguous float32 array of " + std::to_string(kDimensions) + " dimensions");
        return array;
    }

    template <std::size_t kDimensions>
    const float* checked(const std::string& name, const std::size_t (&shape)[kDimensions]) {
        const auto array = std::make_shared<Array<float, kDimensions>>(find<kDimensions>(name));
        weight(*array, {shape, shape + kDimensions}, name.c_str());
        kept_.push_back(array);
        return array->data();
    }

 private:
    const nb::dict& arrays_;
    std::vector<std::shared_ptr<void>> kept_;
};

inline void check_ends(std::size_t channels, std::size_t num_params) {
    within(channels, 1, kMaxChannels, "channels");
    within(num_params, 1, kMaxChannels, "num_params");
}

inline WaveNetArrays sizes_of(const NamedArrays& weights, const Array<std::int32_t, 1>& dilations,
                              std::size_t kernel_size, std::size_t front_kernel_size, std::size_t channels,
                              std::size_t num_params) {
    WaveNetArrays a{};
    a.channels = channels;
    a.front_kernel = front_kernel_size;
    a.residual = weights.find<2>("front_weight").shape(0);
    a.half = weights.find<3>("gates_weight").shape(1) / 2;
    a.skip = weights.find<2>("head_weight").shape(0);
    a.layers = dilations.shape(0);
    a.kernel = kernel_size;
    a.outputs = num_params;
    a.dilations = dilations.data();
    within(a.front_kernel, 1, kMaxFrontTaps, "front_kernel_size");
    within(a.residual, 1, kMaxChannels, "residual_channels");
    within(a.half, 1, kMaxChannels, "half of gate_channels");
    within(a.skip, 1, kMaxChannels, "skip_channels");
    within(a.layers, 1, kMaxLayers, "the number of layers");
    within(a.kernel, 2, kMaxTaps, "kernel_size");
    for (std::size_t l = 0; l < a.layers; ++l)
        require(a.dilations[l] >= 1 && a.dilations[l] <= static_cast<std::int32_t>(kMaxDilation),
                "a dilation is " + std::to_string(a.dilations[l]) + ", must be from 1 to 65536");
    return a;
}

// Bounds the total size of the weights. Apart from padding it is that of the arrays given.
inline void check_floats(std::size_t floats) {
    require(floats <= kMaxFloats, "weights of these sizes would take more than 16 GiB");
}

// The arrays live as long as `weights`. Throws std::invalid_argument if shapes do not match.
inline WaveNetArrays checked_wavenet(NamedArrays& weights, const Array<std::int32_t, 1>& dilations,
                                     std::size_t kernel_size, std::size_t front_kernel_size, std::size_t channels,
                                     std::size_t num_params) {
    check_ends(channels, num_params);
    WaveNetArrays a = sizes_of(weights, dilations, kernel_size, front_kernel_size, channels, num_params);
    const std::size_t gates = 2 * a.half, residual = padded(a.residual), skip = padded(a.skip);
    const std::size_t layer = product(product(a.kernel, a.residual), 2 * padded(a.half)) + a.half * (residual + skip);
    const std::size_t front = product(product(a.front_kernel, channels), residual);
    check_floats(sum(product(layer, a.layers), sum(front, a.skip * (skip + padded(a.outputs)))));
    a.front_weight = weights.checked("front_weight", {a.residual, a.front_kernel * channels});
    a.front_bias = weights.checked("front_bias", {a.residual});
    a.gates_weight = weights.checked("gates_weight", {a.layers, gates, a.kernel * a.residual});
    a.gates_bias = weights.checked("gates_bias", {a.layers, gates});
    a.residual_weight = weights.checked("residual_weight", {a.layers - 1, a.residual, a.half});
    a.residual_bias = weights.checked("residual_bias", {a.layers - 1, a.residual});
    a.skip_weight = weights.checked("skip_weight", {a.skip, a.layers * a.half});
    a.skip_bias = weights.checked("skip_bias", {a.skip});
    a.head_weight = weights.checked("head_weight", {a.skip, a.skip});
    a.head_bias = weights.checked("head_bias", {a.skip});
    a.output_weight = weights.checked("output_weight", {a.outputs, a.skip});
    a.output_bias = weights.checked("output_bias", {a.outputs});
    return a;
}

}  // namespace wavegen
