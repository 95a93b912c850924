// Engines for Python.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "engine.h"
#include "inputs.h"
#include "replay.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMostPredictorTaps = 1024;
constexpr std::size_t kMostStreams = 4096, kMostThreads = 256;

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

void open(Engine* place, const std::shared_ptr<Network>& network, const Array<float, 2>& input_table,
          const Array<float, 1>& error_table, const Array<float, 1>& predictor_weights,
          const Array<std::int32_t, 1>& code_of_symbol, const std::shared_ptr<Head>& head, std::size_t start_symbol,
          std::size_t streams, std::size_t threads) {
    const std::size_t num_symbols = head->grid().num_symbols();
    within(streams, 1, kMostStreams, "the number of streams");
    within(threads, 1, kMostThreads, "the number of threads");
    require(start_symbol < num_symbols, "start_symbol is out of range");
    Inputs inputs = checked_inputs(input_table, error_table, predictor_weights, code_of_symbol, num_symbols);
    require(inputs.channels() == network->channels(), "the network hears " + std::to_string(network->channels()) +
                                                          " channels, the tables have " +
                                                          std::to_string(inputs.channels()));
    require(head->num_params() == network->num_params(), "the network has " + std::to_string(network->num_params()) +
                                                             " outputs, the head takes " +
                                                             std::to_string(head->num_params()));
    require(product(network->stream_floats(), streams) <= kMostFloats, "so many streams would take more than 16 GiB");
    new (place) Engine(network, head, std::move(inputs), start_symbol, streams, threads);
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
    const std::uint64_t time = engine.save(network.data(), codes.data(), last.data());
    return nb::make_tuple(network.release(), codes.release(), last.release(), time);
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

// Its reads of weights while it draws so many samples, each stream with seed 0; the engine must live on.
std::unique_ptr<Replay> replay_of(Engine& engine, std::size_t count) {
    within(count, 1, 4096, "count");
    require(engine.threads() == 1, "an engine of one thread can be replayed");
    auto replay = std::make_unique<Replay>();
    const std::vector<std::uint64_t> seeds(engine.streams());
    std::vector<std::uint16_t> symbols(engine.streams() * count);
    std::vector<double> log2_prob(engine.streams() * count);
    replay->listen([&] { engine.generate(seeds.data(), count, {1.0f, 1.0}, symbols.data(), log2_prob.data()); });
    return replay;
}

std::size_t multiply_adds(std::size_t rounds) {
    within(rounds, 1, std::size_t{1} << 32, "rounds");
    Floats sink(512);
    return find_kernels("auto")->spin(rounds, sink.data());
}

}  // namespace

void bind_engine(nb::module_& m) {
    nb::class_<Engine>(m, "Engine", "Streams that run through one network.")
        .def("__init__", &open, nb::kw_only(), "network"_a, "input_table"_a.noconvert(), "error_table"_a.noconvert(),
             "predictor_weights"_a.noconvert(), "code_of_symbol"_a.noconvert(), "head"_a, "start_symbol"_a, "streams"_a,
             "threads"_a)
        .def("generate", &generate, "count"_a, "seeds"_a.noconvert(), "temperature"_a, "top_p"_a,
             "Symbols uint16 and log2 p of their codes float64, each (streams, count).")
        .def("feed", &feed, "symbols"_a.noconvert(), "log2 p of given symbols' codes, (streams, count).")
        .def("save", &save, "Network float32 (streams, …), codes int16 (streams, …), symbols uint16 (streams,), time.")
        .def("restore", &restore, "network"_a.noconvert(), "codes"_a.noconvert(), "last"_a.noconvert(), "time"_a)
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads);
    nb::class_<Replay>(m, "Replay", "The reads of weights of an engine's steps, for benchmarks.")
        .def_prop_ro("floats", &Replay::floats)
        .def("read", &Replay::read, "times"_a, nb::call_guard<nb::gil_scoped_release>(),
             "The same addresses in the same order, so many times, with additions only.");
    m.def("replay", &replay_of, "engine"_a, "count"_a, nb::keep_alive<0, 1>(),
          "Of an engine whose network has isa \"noting\": its reads of weights while it draws `count` samples.");
    m.def("multiply_adds", &multiply_adds, "rounds"_a, nb::call_guard<nb::gil_scoped_release>(),
          "Float32 multiply-adds of one thread that stay in registers: how many it did in so many rounds.");
}

}  // namespace wavegen
