// WaveNet engines for Python.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "engine.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMostChannels = 4096, kMostLayers = 256, kMostTaps = 64, kMostDilation = 65536;
constexpr std::size_t kMostFrontTaps = 1024, kMostPredictorTaps = 1024;
constexpr std::size_t kMostStreams = 4096, kMostThreads = 4096;
constexpr std::size_t kMostFloats = std::size_t{1} << 32;        // 16 GiB of weights and queues
constexpr std::size_t kMostSamplesACall = std::size_t{1} << 28;  // 2 GiB of log-probabilities

// Arrays by name, which live as long as the dictionary.
class Weights {
 public:
    explicit Weights(const nb::dict& arrays) : arrays_(arrays) {}

    template <std::size_t kDimensions>
    Array<float, kDimensions> find(const char* name) const {
        Array<float, kDimensions> array;
        require(arrays_.contains(name), std::string(name) + " is missing");
        require(nb::try_cast(arrays_[name], array, false), std::string(name) +
                                                               " must be a contiguous float32 array of " +
                                                               std::to_string(kDimensions) + " dimensions");
        return array;
    }

    template <std::size_t kDimensions>
    const float* checked(const char* name, const std::size_t (&shape)[kDimensions]) const {
        const Array<float, kDimensions> array = find<kDimensions>(name);
        weight(array, {shape, shape + kDimensions}, name);
        return array.data();
    }

 private:
    const nb::dict& arrays_;
};

WaveNetArrays sizes_of(const Weights& weights, const Array<std::int32_t, 1>& dilations, std::size_t kernel_size,
                       std::size_t front_kernel_size, std::size_t channels, const Head& head) {
    WaveNetArrays a{};
    a.channels = channels;
    a.front_kernel = front_kernel_size;
    a.residual = weights.find<2>("front_weight").shape(0);
    a.half = weights.find<3>("gates_weight").shape(1) / 2;
    a.skip = weights.find<2>("head_weight").shape(0);
    a.layers = dilations.shape(0);
    a.kernel = kernel_size;
    a.outputs = head.num_params();
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

// The floats that weights and queues will take.
std::size_t floats_needed(const WaveNetArrays& a, std::size_t streams) {
    const std::size_t residual = padded(a.residual), gates = 2 * padded(a.half), skip = padded(a.skip);
    const std::size_t heard = a.front_kernel * a.channels;
    std::size_t span = 0;
    for (std::size_t l = 0; l < a.layers; ++l)
        span = sum(span, product(a.kernel - 1, static_cast<std::size_t>(a.dilations[l])));
    const std::size_t layer = product(product(a.kernel, a.residual), gates) + a.half * residual + a.half * skip;
    const std::size_t ends = product(heard, residual) + a.skip * skip + a.skip * padded(a.outputs);
    return sum(sum(product(layer, a.layers), ends), product(sum(product(span, residual), heard), streams));
}

void read_weights(const Weights& weights, WaveNetArrays& a) {
    const std::size_t gates = 2 * a.half;
    a.front_weight = weights.checked("front_weight", {a.residual, a.front_kernel * a.channels});
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
}

Inputs checked_inputs(const Array<float, 2>& table, const Array<float, 1>& error_table, const Array<float, 1>& weights,
                      const Array<std::int32_t, 1>& code_of_symbol, std::size_t num_symbols) {
    within(table.shape(1), 1, kMostChannels, "the number of columns of input_table");
    weight(table, {num_symbols, table.shape(1)}, "input_table");
    require(error_table.size() == 0 || error_table.size() == kPcmCodes, "error_table must have 65536 values or none");
    finite(error_table, "error_table");
    within(weights.shape(0), 0, kMostPredictorTaps, "the number of predictor_weights");
    finite(weights, "predictor_weights");
    shaped(code_of_symbol, {num_symbols}, "code_of_symbol");
    for (std::size_t k = 0; k < num_symbols; ++k)
        if (code_of_symbol.data()[k] < -32768 || code_of_symbol.data()[k] > 32767)
            throw std::invalid_argument("code_of_symbol has values beyond 16 bits");
    return {{table.data(), table.data() + table.size()},
            {error_table.data(), error_table.data() + error_table.size()},
            {weights.data(), weights.data() + weights.size()},
            {code_of_symbol.data(), code_of_symbol.data() + num_symbols}};
}

void open(Engine* place, const nb::dict& weights, const Array<std::int32_t, 1>& dilations, std::size_t kernel_size,
          std::size_t front_kernel_size, const Array<float, 2>& input_table, const Array<float, 1>& error_table,
          const Array<float, 1>& predictor_weights, const Array<std::int32_t, 1>& code_of_symbol,
          const std::shared_ptr<Head>& head, std::size_t start_symbol, std::size_t streams, std::size_t threads,
          const std::string& isa) {
    const std::size_t num_symbols = head->grid().num_symbols();
    within(streams, 1, kMostStreams, "the number of streams");
    within(threads, 1, kMostThreads, "the number of threads");
    require(start_symbol < num_symbols, "start_symbol is out of range");
    Inputs inputs = checked_inputs(input_table, error_table, predictor_weights, code_of_symbol, num_symbols);
    const Weights named(weights);
    WaveNetArrays arrays = sizes_of(named, dilations, kernel_size, front_kernel_size, inputs.channels(), *head);
    require(floats_needed(arrays, streams) <= kMostFloats,
            "weights and queues of these sizes would take more than 16 GiB");
    read_weights(named, arrays);
    const Kernels* kernels = kernels_named(isa);
    new (place) Engine(WaveNet(arrays, kernels), head, std::move(inputs), start_symbol, streams, threads);
}

nb::tuple generate(Engine& engine, std::size_t count, const Array<std::uint64_t, 1>& seeds, double temperature,
                   double top_p) {
    shaped(seeds, {engine.streams()}, "seeds");
    require(product(engine.streams(), count) <= kMostSamplesACall, "too many samples for one call");
    const Sampling sampling = checked_sampling(engine.head(), temperature, top_p);
    const std::vector<std::uint64_t> keys(seeds.data(), seeds.data() + seeds.size());
    Owned<std::uint16_t> symbols({engine.streams(), count});
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.generate(keys.data(), count, sampling, symbols.data(), log2_prob.data());
    }
    return nb::make_tuple(symbols.release(), log2_prob.release());
}

Result<double> feed(Engine& engine, const Array<std::uint16_t, 2>& symbols) {
    const std::size_t count = symbols.shape(1);
    shaped(symbols, {engine.streams(), count}, "symbols");
    require(product(engine.streams(), count) <= kMostSamplesACall, "too many samples for one call");
    for (std::size_t i = 0; i < symbols.size(); ++i)
        if (symbols.data()[i] >= engine.num_symbols())
            throw std::invalid_argument("symbol " + std::to_string(symbols.data()[i]) + " is out of range");
    const std::vector<std::uint16_t> checked(symbols.data(), symbols.data() + symbols.size());
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.feed(checked.data(), count, log2_prob.data());
    }
    return log2_prob.release();
}

nb::tuple save(Engine& engine) {
    Owned<float> network({engine.streams(), engine.state_floats()});
    Owned<std::int16_t> codes({engine.streams(), engine.state_codes()});
    Owned<std::uint16_t> last({engine.streams()});
    engine.save(network.data(), codes.data(), last.data());
    return nb::make_tuple(network.release(), codes.release(), last.release(), engine.time());
}

void restore(Engine& engine, const Array<float, 2>& network, const Array<std::int16_t, 2>& codes,
             const Array<std::uint16_t, 1>& last, std::uint64_t time) {
    weight(network, {engine.streams(), engine.state_floats()}, "network");
    shaped(codes, {engine.streams(), engine.state_codes()}, "codes");
    shaped(last, {engine.streams()}, "last");
    for (std::size_t s = 0; s < engine.streams(); ++s)
        require(last.data()[s] < engine.num_symbols(), "last has a symbol that is out of range");
    engine.restore(network.data(), codes.data(), last.data(), time);
}

}  // namespace

void bind_wavenet(nb::module_& m) {
    nb::class_<Engine>(m, "WaveNet", "Streams that run through one WaveNet, float32; arrays as PyTorch lays them out.")
        .def("__init__", &open, nb::kw_only(), "weights"_a, "dilations"_a.noconvert(), "kernel_size"_a,
             "front_kernel_size"_a, "input_table"_a.noconvert(), "error_table"_a.noconvert(),
             "predictor_weights"_a.noconvert(), "code_of_symbol"_a.noconvert(), "head"_a, "start_symbol"_a, "streams"_a,
             "threads"_a, "isa"_a)
        .def("generate", &generate, "count"_a, "seeds"_a.noconvert(), "temperature"_a, "top_p"_a,
             "Symbols uint16 and log2 p of their codes float64, each (streams, count).")
        .def("feed", &feed, "symbols"_a.noconvert(), "log2 p of given symbols' codes, (streams, count).")
        .def("save", &save, "Network float32 (streams, …), codes int16 (streams, …), symbols uint16 (streams,), time.")
        .def("restore", &restore, "network"_a.noconvert(), "codes"_a.noconvert(), "last"_a.noconvert(), "time"_a)
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads);
}

}  // namespace wavegen
