// Networks for Python: made once, shared by engines.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings.h"
#include "cpu/rounding.h"
#include "markov.h"
#include "network.h"
#include "recurrent.h"
#include "wavenet.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMostLayers = 256, kMostTaps = 64, kMostDilation = 65536, kMostFrontTaps = 4096;
constexpr std::size_t kMostWidth = 8192;

// Arrays by name, which live as long as this does.
class Weights {
 public:
    explicit Weights(const nb::dict& arrays) : arrays_(arrays) {}

    template <std::size_t kDimensions>
    Array<float, kDimensions> find(const std::string& name) const {
        Array<float, kDimensions> array;
        require(arrays_.contains(name.c_str()), name + " is missing");
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

void check_ends(std::size_t channels, std::size_t num_params) {
    within(channels, 1, kMostChannels, "channels");
    within(num_params, 1, kMostChannels, "num_params");
}

WaveNetArrays sizes_of(const Weights& weights, const Array<std::int32_t, 1>& dilations, std::size_t kernel_size,
                       std::size_t front_kernel_size, std::size_t channels, std::size_t num_params) {
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
    within(a.front_kernel, 1, kMostFrontTaps, "front_kernel_size");
    within(a.residual, 1, kMostChannels, "residual_channels");
    within(a.half, 1, kMostChannels, "half of gate_channels");
    within(a.skip, 1, kMostChannels, "skip_channels");
    within(a.layers, 1, kMostLayers, "the number of layers");
    within(a.kernel, 2, kMostTaps, "kernel_size");
    for (std::size_t l = 0; l < a.layers; ++l)
        require(a.dilations[l] >= 1 && a.dilations[l] <= static_cast<std::int32_t>(kMostDilation),
                "a dilation is " + std::to_string(a.dilations[l]) + ", must be from 1 to 65536");
    return a;
}

// Weights are as large as what was given, up to padding: only that is bounded here.
void check_floats(std::size_t floats) {
    require(floats <= kMostFloats, "weights of these sizes would take more than 16 GiB");
}

std::shared_ptr<Network> wavenet(const nb::dict& arrays, const Array<std::int32_t, 1>& dilations,
                                 std::size_t kernel_size, std::size_t front_kernel_size, std::size_t channels,
                                 std::size_t num_params, const std::string& precision, const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    const Precision rounded = precision_named(precision);
    const StandardRounding rounding;  // of what is packed
    Weights weights(arrays);
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
    return std::make_shared<WaveNet>(a, *kernels, rounded);
}

std::shared_ptr<Network> recurrent(const nb::dict& arrays, const std::string& cell, std::size_t num_layers,
                                   std::size_t channels, std::size_t num_params, const std::string& precision,
                                   const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    const Precision rounded = precision_named(precision);
    const StandardRounding rounding;  // of what is packed
    Weights weights(arrays);
    check_ends(channels, num_params);
    require(cell == "gru" || cell == "lstm", "cell " + cell + " is unknown; give gru or lstm");
    within(num_layers, 1, kMostLayers, "the number of layers");
    RecurrentArrays a{};
    a.cell = cell == "gru" ? Cell::gru : Cell::lstm;
    a.channels = channels;
    a.hidden = weights.find<2>("head_weight").shape(0);
    a.outputs = num_params;
    within(a.hidden, 1, kMostWidth, "hidden_size");
    const std::size_t gates = gates_of(a.cell) * a.hidden, width = padded(a.hidden);
    check_floats(product(num_layers, gates_of(a.cell) * width * (2 * width + kMostChannels)));
    for (std::size_t l = 0; l < num_layers; ++l) {
        const std::string name = "layer_" + std::to_string(l) + "_";
        const std::size_t inputs = l == 0 ? channels : a.hidden;
        a.layers.push_back({weights.checked(name + "input_weight", {gates, inputs}),
                            weights.checked(name + "input_bias", {gates}),
                            weights.checked(name + "hidden_weight", {gates, a.hidden}),
                            weights.checked(name + "hidden_bias", {gates})});
    }
    a.head_weight = weights.checked("head_weight", {a.hidden, a.hidden});
    a.head_bias = weights.checked("head_bias", {a.hidden});
    a.output_weight = weights.checked("output_weight", {num_params, a.hidden});
    a.output_bias = weights.checked("output_bias", {num_params});
    return std::make_shared<Recurrent>(a, *kernels, rounded);
}

std::shared_ptr<Network> markov(const nb::dict& arrays, std::size_t order, std::size_t num_layers, std::size_t channels,
                                std::size_t num_params, const std::string& precision, const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    const Precision rounded = precision_named(precision);
    const StandardRounding rounding;  // of what is packed
    Weights weights(arrays);
    check_ends(channels, num_params);
    within(order, 1, kMostFrontTaps, "order");
    within(num_layers, 1, kMostLayers, "the number of layers");
    MarkovArrays a{channels, order, {}};
    std::size_t inputs = order * channels, floats = 0;
    for (std::size_t l = 0; l < num_layers; ++l) {
        const std::string name = "layer_" + std::to_string(l) + "_";
        const std::size_t size = l + 1 < num_layers ? weights.find<1>(name + "bias").shape(0) : num_params;
        within(size, 1, kMostWidth, "the size of a layer");
        floats = sum(floats, product(inputs, padded(size)));
        a.layers.push_back(
            {weights.checked(name + "weight", {size, inputs}), weights.checked(name + "bias", {size}), size});
        inputs = size;
    }
    check_floats(floats);
    return std::make_shared<Markov>(a, *kernels, rounded);
}

}  // namespace

void bind_networks(nb::module_& m) {
    nb::class_<Network>(m, "Network", "A network's weights, packed for the kernels of an instruction set.")
        .def_prop_ro("channels", &Network::channels)
        .def_prop_ro("num_params", &Network::num_params);
    m.def("wavenet", &wavenet, nb::kw_only(), "weights"_a, "dilations"_a.noconvert(), "kernel_size"_a,
          "front_kernel_size"_a, "channels"_a, "num_params"_a, "precision"_a, "isa"_a,
          "Weights float32 by name, as PyTorch lays them out.");
    m.def("recurrent", &recurrent, nb::kw_only(), "weights"_a, "cell"_a, "num_layers"_a, "channels"_a, "num_params"_a,
          "precision"_a, "isa"_a, "Weights float32 by name, as PyTorch lays them out.");
    m.def("markov", &markov, nb::kw_only(), "weights"_a, "order"_a, "num_layers"_a, "channels"_a, "num_params"_a,
          "precision"_a, "isa"_a, "Weights float32 by name, as PyTorch lays them out.");
}

}  // namespace wavegen
