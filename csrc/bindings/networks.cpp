// Bindings of networks: constructed once and shared by engines.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings/module.h"
#include "bindings/wavenet.h"
#include "cpu/rounding.h"
#include "networks/markov.h"
#include "networks/network.h"
#include "networks/recurrent.h"
#include "networks/wavenet.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

std::shared_ptr<Network> wavenet(const nb::dict& arrays, const Array<std::int32_t, 1>& dilations,
                                 std::size_t kernel_size, std::size_t front_kernel_size, std::size_t channels,
                                 std::size_t num_params, const std::string& precision, const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    const Precision rounded = precision_named(precision);
    const StandardRounding rounding;  // while weights are packed
    NamedArrays weights(arrays);
    const WaveNetArrays a = checked_wavenet(weights, dilations, kernel_size, front_kernel_size, channels, num_params);
    return std::make_shared<WaveNet>(a, *kernels, rounded);
}

std::shared_ptr<Network> recurrent(const nb::dict& arrays, const std::string& cell, std::size_t num_layers,
                                   std::size_t channels, std::size_t num_params, const std::string& precision,
                                   const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    const Precision rounded = precision_named(precision);
    const StandardRounding rounding;  // while weights are packed
    NamedArrays weights(arrays);
    check_ends(channels, num_params);
    require(cell == "gru" || cell == "lstm", "cell " + cell + " is unknown; give gru or lstm");
    within(num_layers, 1, kMaxLayers, "the number of layers");
    RecurrentArrays a{};
    a.cell = cell == "gru" ? Cell::gru : Cell::lstm;
    a.channels = channels;
    a.hidden = weights.find<2>("head_weight").shape(0);
    a.outputs = num_params;
    within(a.hidden, 1, kMaxWidth, "hidden_size");
    const std::size_t gates = gates_of(a.cell) * a.hidden, width = padded(a.hidden);
    check_floats(product(num_layers, gates_of(a.cell) * width * (2 * width + kMaxChannels)));
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
    const StandardRounding rounding;  // while weights are packed
    NamedArrays weights(arrays);
    check_ends(channels, num_params);
    within(order, 1, kMaxFrontTaps, "order");
    within(num_layers, 1, kMaxLayers, "the number of layers");
    MarkovArrays a{channels, order, {}};
    std::size_t inputs = order * channels, floats = 0;
    for (std::size_t l = 0; l < num_layers; ++l) {
        const std::string name = "layer_" + std::to_string(l) + "_";
        const std::size_t size = l + 1 < num_layers ? weights.find<1>(name + "bias").shape(0) : num_params;
        within(size, 1, kMaxWidth, "the size of a layer");
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
