// Bindings of networks: constructed once and shared by engines.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings/module.h"
#include "bindings/wavenet.h"
#include "cpu/rounding.h"
#include "networks/conditioner.h"
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

constexpr std::size_t kMaxWindow = std::size_t{1} << 16, kMaxSpeakers = std::size_t{1} << 20;
constexpr std::size_t kMaxParts = 4;  // gates of an LSTM

// Shapes of frames and speakers, each of which may be missing.
void check_sources(const NamedArrays& weights, ConditionerArrays& a) {
    if (weights.has("frames_weight")) a.window = weights.find<2>("frames_weight").shape(1);
    if (weights.has("speakers_weight")) a.speakers = weights.find<2>("speakers_weight").shape(0);
    require(a.window != 0 || a.speakers != 0, "a conditioner takes frames or speakers");
    within(a.window, 0, kMaxWindow, "the number of inputs");
    within(a.speakers, 0, kMaxSpeakers, "the number of speakers");
}

void open_conditioner(Conditioner* self, const nb::dict& arrays, const std::string& isa) {
    const Kernels* kernels = kernels_named(isa);
    NamedArrays weights(arrays);
    ConditionerArrays a{};
    check_sources(weights, a);
    const auto projections = weights.find<4>("projections");
    a.channels = projections.shape(3);
    a.shape = {projections.shape(0), projections.shape(1), projections.shape(2)};
    within(a.channels, 1, kMaxChannels, "channels");
    within(a.shape.layers, 1, kMaxLayers, "the number of layers");
    within(a.shape.parts, 1, kMaxParts, "the number of parts");
    within(a.shape.width, 1, kMaxWidth, "the width of a layer");
    const std::size_t width = padded(a.channels);
    check_floats(
        sum(product(sum(a.window, sum(a.channels, a.speakers)), width), product(a.channels, a.shape.floats())));
    if (a.window != 0) a.frames_weight = weights.checked("frames_weight", {a.channels, a.window});
    if (a.speakers != 0) a.speakers_weight = weights.checked("speakers_weight", {a.speakers, a.channels});
    a.bias = weights.checked("bias", {a.channels});
    a.output_weight = weights.checked("output_weight", {a.channels, a.channels});
    a.output_bias = weights.checked("output_bias", {a.channels});
    a.projections = weights.checked("projections", {a.shape.layers, a.shape.parts, a.shape.width, a.channels});
    new (self) Conditioner(a, *kernels);
}

Result<float> encode(const Conditioner& conditioner, const Array<float, 2>& windows,
                     const Array<std::uint32_t, 1>& speakers) {
    const std::size_t count = windows.shape(0);
    weight(windows, {count, conditioner.window()}, "windows");
    shaped(speakers, {count}, "speakers");
    const std::vector<std::uint32_t> rows(speakers.data(), speakers.data() + count);
    for (const std::uint32_t row : rows)
        if (row >= std::max<std::size_t>(conditioner.speakers(), 1))
            throw std::invalid_argument("speaker " + std::to_string(row) + " is out of range");
    require(product(count, conditioner.floats()) <= kMaxFloats, "so many vectors would take more than 16 GiB");
    Owned<float> vectors({count, conditioner.floats()});
    {
        nb::gil_scoped_release released;
        conditioner.encode(windows.data(), rows.data(), count, vectors.data());
    }
    return vectors.release();
}

}  // namespace

void bind_networks(nb::module_& m) {
    nb::class_<Network>(m, "Network", "A network's weights, packed for the kernels of an instruction set.")
        .def_prop_ro("channels", &Network::channels)
        .def_prop_ro("num_params", &Network::num_params);
    nb::class_<Conditioner>(m, "Conditioner", "The vectors that condition a network, computed once a frame.")
        .def("__init__", &open_conditioner, nb::kw_only(), "weights"_a, "isa"_a,
             "Weights float32 by name: projections (layers, parts, width, channels), the others as PyTorch lays them "
             "out.")
        .def_prop_ro("window", &Conditioner::window)
        .def_prop_ro("speakers", &Conditioner::speakers)
        .def_prop_ro("floats", &Conditioner::floats)
        .def("encode", &encode, "windows"_a.noconvert(), "speakers"_a.noconvert(),
             "Windows of frames (count, window) float32 and rows of the table of speakers (count,) uint32 to vectors "
             "(count, floats).");
    m.def("wavenet", &wavenet, nb::kw_only(), "weights"_a, "dilations"_a.noconvert(), "kernel_size"_a,
          "front_kernel_size"_a, "channels"_a, "num_params"_a, "precision"_a, "isa"_a,
          "Weights float32 by name, as PyTorch lays them out.");
    m.def("recurrent", &recurrent, nb::kw_only(), "weights"_a, "cell"_a, "num_layers"_a, "channels"_a, "num_params"_a,
          "precision"_a, "isa"_a, "Weights float32 by name, as PyTorch lays them out.");
    m.def("markov", &markov, nb::kw_only(), "weights"_a, "order"_a, "num_layers"_a, "channels"_a, "num_params"_a,
          "precision"_a, "isa"_a, "Weights float32 by name, as PyTorch lays them out.");
}

}  // namespace wavegen
