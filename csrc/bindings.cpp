// Python's door to the engine: everything that comes in is checked here, before anything is allocated.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "engine.h"
#include "philox.h"
#include "tables.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMostChannels = 4096, kMostLayers = 256, kMostTaps = 64, kMostDilation = 65536;
constexpr std::size_t kMostStreams = 4096, kMostThreads = 4096;
constexpr std::size_t kMostFloats = std::size_t{1} << 32;        // 16 GiB of weights and queues
constexpr std::size_t kMostSamplesACall = std::size_t{1} << 28;  // 2 GiB of log-probabilities

const Kernels* kernels_named(const std::string& isa) {
    const Kernels* kernels = find_kernels(isa.c_str());
    require(kernels != nullptr, "isa " + isa + " is unknown or not for this CPU");
    return kernels;
}

std::vector<std::int32_t> checked_codes(const Array<std::int32_t, 1>& codes) {
    within(codes.shape(0), 2, kMostSymbols, "the number of symbols");
    std::int64_t total = 0;
    for (std::size_t k = 0; k < codes.shape(0); ++k) {
        require(codes.data()[k] >= 1, "codes_per_symbol has a symbol that no PCM code has");
        total += codes.data()[k];
    }
    require(total == kPcmCodes, "codes_per_symbol sums to " + std::to_string(total) + ", must sum to 65536");
    return {codes.data(), codes.data() + codes.shape(0)};
}

std::vector<std::uint16_t> checked_symbols(const Array<std::uint16_t, 2>& symbols, std::size_t num_symbols) {
    for (std::size_t i = 0; i < symbols.size(); ++i)
        if (symbols.data()[i] >= num_symbols)
            throw std::invalid_argument("symbol " + std::to_string(symbols.data()[i]) + " is out of range");
    return {symbols.data(), symbols.data() + symbols.size()};
}

// The floats that weights and queues will take.
std::size_t floats_needed(const WaveNetArrays& a, std::size_t streams) {
    const std::size_t residual = padded(a.residual), gates = 2 * padded(a.half), skip = padded(a.skip);
    std::size_t span = 0;
    for (std::size_t l = 0; l < a.layers; ++l)
        span = sum(span, product(a.kernel - 1, static_cast<std::size_t>(a.dilations[l])));
    const std::size_t layer = product(product(a.kernel, a.residual), gates) + a.half * residual + a.half * skip;
    const std::size_t ends = product(a.symbols, residual) + a.skip * skip + a.skip * padded(a.symbols);
    return sum(sum(product(layer, a.layers), ends), product(product(span, residual), streams));
}

void check_sizes(const WaveNetArrays& a) {
    within(a.symbols, 2, kMostSymbols, "the number of symbols");
    within(a.embedding, 1, kMostChannels, "the number of embedding channels");
    within(a.residual, 1, kMostChannels, "residual_channels");
    within(a.half, 1, kMostChannels, "half of gate_channels");
    within(a.skip, 1, kMostChannels, "skip_channels");
    within(a.layers, 1, kMostLayers, "the number of layers");
    within(a.kernel, 2, kMostTaps, "kernel_size");
    for (std::size_t l = 0; l < a.layers; ++l)
        require(a.dilations[l] >= 1 && a.dilations[l] <= static_cast<std::int32_t>(kMostDilation),
                "a dilation is " + std::to_string(a.dilations[l]) + ", must be from 1 to 65536");
}

void open(Engine* place, const Array<float, 2>& embedding, const Array<float, 2>& front_weight,
          const Array<float, 1>& front_bias, const Array<float, 3>& gates_weight, const Array<float, 2>& gates_bias,
          const Array<float, 3>& residual_weight, const Array<float, 2>& residual_bias,
          const Array<float, 2>& skip_weight, const Array<float, 1>& skip_bias, const Array<float, 2>& head_weight,
          const Array<float, 1>& head_bias, const Array<float, 2>& output_weight, const Array<float, 1>& output_bias,
          const Array<std::int32_t, 1>& dilations, const Array<std::int32_t, 1>& codes_per_symbol,
          std::size_t kernel_size, std::size_t start_symbol, std::size_t streams, std::size_t threads,
          const std::string& isa) {
    WaveNetArrays a{};
    a.symbols = embedding.shape(0);
    a.embedding = embedding.shape(1);
    a.residual = front_weight.shape(0);
    a.half = gates_weight.shape(1) / 2;
    a.skip = head_weight.shape(0);
    a.layers = dilations.shape(0);
    a.kernel = kernel_size;
    a.dilations = dilations.data();
    within(streams, 1, kMostStreams, "the number of streams");
    within(threads, 1, kMostThreads, "the number of threads");
    require(start_symbol < a.symbols, "start_symbol is out of range");
    check_sizes(a);
    require(floats_needed(a, streams) <= kMostFloats, "weights and queues of these sizes would take more than 16 GiB");
    const std::size_t gates = 2 * a.half;
    weight(embedding, {a.symbols, a.embedding}, "embedding");
    weight(front_weight, {a.residual, a.embedding}, "front_weight");
    weight(front_bias, {a.residual}, "front_bias");
    weight(gates_weight, {a.layers, gates, a.kernel * a.residual}, "gates_weight");
    weight(gates_bias, {a.layers, gates}, "gates_bias");
    weight(residual_weight, {a.layers - 1, a.residual, a.half}, "residual_weight");
    weight(residual_bias, {a.layers - 1, a.residual}, "residual_bias");
    weight(skip_weight, {a.skip, a.layers * a.half}, "skip_weight");
    weight(skip_bias, {a.skip}, "skip_bias");
    weight(head_weight, {a.skip, a.skip}, "head_weight");
    weight(head_bias, {a.skip}, "head_bias");
    weight(output_weight, {a.symbols, a.skip}, "output_weight");
    weight(output_bias, {a.symbols}, "output_bias");
    shaped(codes_per_symbol, {a.symbols}, "codes_per_symbol");
    std::vector<std::int32_t> codes = checked_codes(codes_per_symbol);
    const Kernels* kernels = kernels_named(isa);
    a.embedding_weight = embedding.data();
    a.front_weight = front_weight.data();
    a.front_bias = front_bias.data();
    a.gates_weight = gates_weight.data();
    a.gates_bias = gates_bias.data();
    a.residual_weight = residual_weight.data();
    a.residual_bias = residual_bias.data();
    a.skip_weight = skip_weight.data();
    a.skip_bias = skip_bias.data();
    a.head_weight = head_weight.data();
    a.head_bias = head_bias.data();
    a.output_weight = output_weight.data();
    a.output_bias = output_bias.data();
    new (place) Engine(WaveNet(a, kernels), std::move(codes), start_symbol, streams, threads);
}

nb::tuple generate(Engine& engine, std::size_t count, const Array<std::uint64_t, 1>& seeds, double temperature) {
    shaped(seeds, {engine.streams()}, "seeds");
    require(product(engine.streams(), count) <= kMostSamplesACall, "too many samples for one call");
    const float divisor = static_cast<float>(temperature);
    require(std::isnormal(divisor) && divisor > 0, "temperature must be a positive number");
    const std::vector<std::uint64_t> keys(seeds.data(), seeds.data() + seeds.size());
    Owned<std::uint16_t> symbols({engine.streams(), count});
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.generate(keys.data(), count, divisor, symbols.data(), log2_prob.data());
    }
    return nb::make_tuple(symbols.release(), log2_prob.release());
}

Result<double> feed(Engine& engine, const Array<std::uint16_t, 2>& symbols) {
    const std::size_t count = symbols.shape(1);
    shaped(symbols, {engine.streams(), count}, "symbols");
    require(product(engine.streams(), count) <= kMostSamplesACall, "too many samples for one call");
    const std::vector<std::uint16_t> checked = checked_symbols(symbols, engine.num_symbols());
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.feed(checked.data(), count, log2_prob.data());
    }
    return log2_prob.release();
}

nb::tuple save(Engine& engine) {
    Owned<float> queues({engine.streams(), engine.state_floats()});
    Owned<std::uint16_t> last({engine.streams()});
    engine.save(queues.data(), last.data());
    return nb::make_tuple(queues.release(), last.release(), engine.time());
}

void restore(Engine& engine, const Array<float, 2>& queues, const Array<std::uint16_t, 1>& last, std::uint64_t time) {
    weight(queues, {engine.streams(), engine.state_floats()}, "queues");
    shaped(last, {engine.streams()}, "last");
    for (std::size_t s = 0; s < engine.streams(); ++s)
        require(last.data()[s] < engine.num_symbols(), "last has a symbol that is out of range");
    engine.restore(queues.data(), last.data(), time);
}

// The pieces, for tests.

Result<float> multiply_add(const Array<float, 1>& a, const Array<float, 1>& b, const Array<float, 1>& c,
                           const std::string& isa) {
    shaped(b, {a.shape(0)}, "b");
    shaped(c, {a.shape(0)}, "c");
    Owned<float> out({a.shape(0)});
    if (isa == "libm") {
        for (std::size_t i = 0; i < a.size(); ++i) out.data()[i] = std::fma(a.data()[i], b.data()[i], c.data()[i]);
    } else {
        require(a.size() % kLanes == 0, "the length must be a multiple of 16");
        kernels_named(isa)->multiply_add(a.data(), b.data(), c.data(), a.size(), out.data());
    }
    return out.release();
}

Result<float> gate(const Array<float, 1>& signal, const Array<float, 1>& opening, const std::string& isa) {
    shaped(opening, {signal.shape(0)}, "opening");
    require(signal.size() % kLanes == 0, "the length must be a multiple of 16");
    Owned<float> z({signal.shape(0)});
    kernels_named(isa)->gate(signal.data(), opening.data(), signal.size(), z.data());
    return z.release();
}

Result<std::uint32_t> categorical_table(const Array<float, 1>& logits, const Array<std::int32_t, 1>& codes_per_symbol,
                                        float temperature, const std::string& isa) {
    const std::size_t symbols = logits.shape(0);
    shaped(codes_per_symbol, {symbols}, "codes_per_symbol");
    finite(logits, "logits");
    const std::vector<std::int32_t> codes = checked_codes(codes_per_symbol);
    const Kernels* kernels = kernels_named(isa);
    Floats row(symbols), e(symbols);
    std::fill(row.data(), row.data() + padded(symbols), std::numeric_limits<float>::lowest());
    std::copy(logits.data(), logits.data() + symbols, row.data());
    const float maximum = kernels->maximum(row.data(), padded(symbols));
    const float total = kernels->exponentials(row.data(), maximum, temperature, symbols, e.data());
    const std::size_t first =
        static_cast<std::size_t>(std::find(row.data(), row.data() + symbols, maximum) - row.data());
    Owned<std::uint32_t> c({symbols + 1});
    cumulative(e.data(), total, codes.data(), symbols, first, c.data());
    return c.release();
}

std::vector<std::uint32_t> philox_words(const std::vector<std::uint32_t>& counter,
                                        const std::vector<std::uint32_t>& key) {
    require(counter.size() == 4 && key.size() == 2, "a counter has four words and a key two");
    const Words words = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
    return {words.begin(), words.end()};
}

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const char* name : {"avx512", "avx2", "portable"})
        if (find_kernels(name) != nullptr) names.emplace_back(name);
    return names;
}

}  // namespace
}  // namespace wavegen

NB_MODULE(wavegen_native, m) {
    namespace nb = nanobind;
    using wavegen::Engine;
    m.doc() = "The C++ engine of wavegen; wavegen.engine is the way to it.";
    m.attr("numerics") = 1;
    m.def("instruction_sets", &wavegen::instruction_sets, "What this CPU runs of it, the widest first.");

    nb::class_<Engine>(m, "WaveNet", "Streams that run through one WaveNet, float32; arrays as PyTorch lays them out.")
        .def("__init__", &wavegen::open, nb::kw_only(), "embedding"_a.noconvert(), "front_weight"_a.noconvert(),
             "front_bias"_a.noconvert(), "gates_weight"_a.noconvert(), "gates_bias"_a.noconvert(),
             "residual_weight"_a.noconvert(), "residual_bias"_a.noconvert(), "skip_weight"_a.noconvert(),
             "skip_bias"_a.noconvert(), "head_weight"_a.noconvert(), "head_bias"_a.noconvert(),
             "output_weight"_a.noconvert(), "output_bias"_a.noconvert(), "dilations"_a.noconvert(),
             "codes_per_symbol"_a.noconvert(), "kernel_size"_a, "start_symbol"_a, "streams"_a, "threads"_a, "isa"_a)
        .def("generate", &wavegen::generate, "count"_a, "seeds"_a.noconvert(), "temperature"_a,
             "Symbols uint16 and log2 p of their codes float64, each (streams, count).")
        .def("feed", &wavegen::feed, "symbols"_a.noconvert(), "log2 p of given symbols' codes, (streams, count).")
        .def("save", &wavegen::save, "Queues float32 (streams, …), last symbols uint16 (streams,), time.")
        .def("restore", &wavegen::restore, "queues"_a.noconvert(), "last"_a.noconvert(), "time"_a)
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads);

    nb::module_ pieces = m.def_submodule("pieces", "Parts of the engine, for tests.");
    pieces.def("multiply_add", &wavegen::multiply_add, "a"_a.noconvert(), "b"_a.noconvert(), "c"_a.noconvert(),
               "isa"_a);
    pieces.def("gate", &wavegen::gate, "signal"_a.noconvert(), "opening"_a.noconvert(), "isa"_a);
    pieces.def("categorical_table", &wavegen::categorical_table, "logits"_a.noconvert(),
               "codes_per_symbol"_a.noconvert(), "temperature"_a, "isa"_a);
    pieces.def("philox", &wavegen::philox_words, "counter"_a, "key"_a);
    pieces.def("log2", &wavegen::log2_fixed, "x"_a);
}
