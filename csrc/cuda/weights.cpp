#include "cuda/weights.h"

#include <utility>

#include "common/bfloat16.h"
#include "cuda/distribution.h"
#include "cuda/memory_layout.h"

namespace wavegen::cuda {

namespace {

template <class Number>
Number* kept(std::vector<DeviceArray<Number>>& all, const std::vector<Number>& numbers) {
    all.emplace_back(numbers);
    return all.back().data();
}

// A matrix transposed to (inputs, outputs), with the outputs of several blocks interleaved and padded to an even
// number.
template <class Number>
struct Turned {
    template <class Convert>
    Turned(std::size_t inputs, std::size_t outputs, const std::vector<Block>& blocks, const Convert& convert)
        : weight(inputs * (outputs + outputs % 2)), bias(outputs + outputs % 2) {
        for (std::size_t o = 0; o < outputs; ++o) {
            const Block& block = blocks[o % blocks.size()];
            const std::size_t row = o / blocks.size();
            for (std::size_t i = 0; i < inputs; ++i)
                weight[i * bias.size() + o] = convert(block.weight[row * block.stride + i]);
            if (block.bias != nullptr) bias[o] = block.bias[row];
        }
    }
    std::vector<Number> weight;
    std::vector<float> bias;
};

std::uint32_t small(std::size_t size) { return static_cast<std::uint32_t>(size); }

}  // namespace

Weights::Weights(const WaveNetArrays& a, bool bfloat16, DistributionSettings distribution, Inputs inputs,
                 std::size_t start_symbol)
    : bfloat16_(bfloat16),
      distribution_(std::move(distribution)),
      inputs_(std::move(inputs)),
      start_symbol_(start_symbol) {
    model_.front_kernel = small(a.front_kernel);
    model_.residual = small(a.residual);
    model_.half = small(a.half);
    model_.skip = small(a.skip);
    model_.layers = small(a.layers);
    model_.kernel = small(a.kernel);
    model_.params = small(a.outputs);
    model_.front =
        float32(a.front_kernel * a.channels, a.residual, {{a.front_weight, a.front_kernel * a.channels, a.front_bias}});
    model_.head = float32(a.skip, a.skip, {{a.head_weight, a.skip, a.head_bias}});
    model_.output = float32(a.skip, a.outputs, {{a.output_weight, a.skip, a.output_bias}});
    add_layers(a);
    add_distribution();
    add_inputs();
}

void Weights::add_layers(const WaveNetArrays& a) {
    model_.ring_floats = a.front_kernel * a.channels;
    const std::size_t columns = a.kernel * a.residual;
    for (std::size_t l = 0; l < a.layers; ++l) {
        DeviceLayer layer{};
        layer.dilation = static_cast<std::uint32_t>(a.dilations[l]);
        layer.slots = small((a.kernel - 1) * layer.dilation + 1);
        layer.ring = model_.ring_floats;
        model_.ring_floats += std::size_t{layer.slots} * a.residual;
        const float* filter = a.gates_weight + l * 2 * a.half * columns;
        const float* bias = a.gates_bias + l * 2 * a.half;
        layer.gates = rounded(columns, 2 * a.half,
                              {{filter, columns, bias}, {filter + a.half * columns, columns, bias + a.half}});
        layer.skip =
            rounded(a.half, a.skip, {{a.skip_weight + l * a.half, a.layers * a.half, l == 0 ? a.skip_bias : nullptr}});
        if (l + 1 < a.layers)
            layer.residual =
                rounded(a.half, a.residual,
                        {{a.residual_weight + l * a.residual * a.half, a.half, a.residual_bias + l * a.residual}});
        layers_.push_back(layer);
    }
    device_layers_ = DeviceArray<DeviceLayer>(layers_);
    model_.layer = device_layers_.data();
}

DeviceMatrix Weights::float32(std::size_t inputs, std::size_t outputs, const std::vector<Block>& blocks) {
    const Turned<float> turned(inputs, outputs, blocks, [](float x) { return x; });
    return {kept(floats_, turned.weight), kept(floats_, turned.bias), small(inputs), small(turned.bias.size())};
}

DeviceMatrix Weights::rounded(std::size_t inputs, std::size_t outputs, const std::vector<Block>& blocks) {
    if (!bfloat16_) return float32(inputs, outputs, blocks);
    const Turned<std::uint16_t> turned(inputs, outputs, blocks,
                                       [](float x) { return static_cast<std::uint16_t>(bfloat16_of(x)); });
    return {kept(halves_, turned.weight), kept(floats_, turned.bias), small(inputs), small(turned.bias.size())};
}

void Weights::add_distribution() {
    DeviceDistribution& d = model_.distribution;
    const Quantizer& quantizer = distribution_.quantizer;
    std::vector<std::int32_t> codes(quantizer.codes(), quantizer.codes() + quantizer.num_symbols());
    std::vector<std::uint32_t> below;
    for (std::size_t k = 0; k <= quantizer.num_symbols(); ++k) below.push_back(quantizer.below(k));
    below_ = DeviceArray<std::uint32_t>(below);
    d.symbols = small(quantizer.num_symbols());
    d.codes = kept(integers_, codes);
    d.below = below_.data();
    d.kind = distribution_.component == nullptr ? DistributionKind::categorical : DistributionKind::mixture;
    model_.scratch = small(scratch_bytes(d.kind, d.symbols));
    if (distribution_.component == nullptr) return;
    d.mixtures = small(distribution_.offsets.size());
    d.offsets = kept(doubles_, distribution_.offsets);
    nodes_ = DeviceArray<Component::Node>(distribution_.component->nodes());
    d.nodes = nodes_.data();
    d.last_node = static_cast<double>(distribution_.component->nodes().size() - 1);
}

void Weights::add_inputs() {
    DeviceInputs& d = model_.inputs;
    d.table = kept(floats_, inputs_.table());
    d.error_table = inputs_.error_table().empty() ? nullptr : kept(floats_, inputs_.error_table());
    d.weights = kept(doubles_, inputs_.weights());
    d.code_of_symbol = kept(integers_, inputs_.code_of_symbol());
    d.channels = small(inputs_.channels());
    d.columns = d.channels - (d.error_table == nullptr ? 0 : 1);
    d.taps = small(inputs_.taps());
}

std::size_t Weights::state_floats() const {
    std::size_t rows = 0;
    for (const DeviceLayer& layer : layers_) rows += layer.slots - 1;
    return (model_.front_kernel - 1) * std::size_t{model_.inputs.channels} + rows * model_.residual;
}

}  // namespace wavegen::cuda
