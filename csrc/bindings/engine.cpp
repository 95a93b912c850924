// Bindings of the engine.
#include "engine/engine.h"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/module.h"
#include "bindings/streams.h"
#include "engine/inputs.h"
#include "engine/replay.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMaxStreams = 4096, kMaxThreads = 256;

void open(Engine* self, const std::shared_ptr<Network>& network, const Array<float, 2>& input_table,
          const Array<float, 1>& error_table, const Array<float, 1>& predictor_weights,
          const Array<double, 1>& predictor_filter, std::size_t predictor_max_lag,
          const Array<std::int32_t, 1>& code_of_symbol, const std::shared_ptr<Distribution>& distribution,
          std::size_t start_symbol, std::size_t streams, std::size_t threads) {
    const std::size_t num_symbols = distribution->quantizer().num_symbols();
    within(streams, 1, kMaxStreams, "the number of streams");
    within(threads, 1, kMaxThreads, "the number of threads");
    require(start_symbol < num_symbols, "start_symbol is out of range");
    PredictorArrays predictor = checked_predictor(predictor_weights, predictor_filter, predictor_max_lag);
    Inputs inputs = checked_inputs(input_table, error_table, std::move(predictor), code_of_symbol, num_symbols);
    require(inputs.channels() == network->channels(), "the network has " + std::to_string(network->channels()) +
                                                          " input channels, the tables have " +
                                                          std::to_string(inputs.channels()));
    require(distribution->num_params() == network->num_params(),
            "the network has " + std::to_string(network->num_params()) + " outputs, the distribution takes " +
                std::to_string(distribution->num_params()));
    require(product(network->stream_floats(), streams) <= kMaxFloats, "so many streams would take more than 16 GiB");
    new (self) Engine(network, distribution, std::move(inputs), start_symbol, streams, threads);
}

// The engine's weight reads while it draws `count` samples per stream with seed 0. The engine must outlive the
// result.
std::unique_ptr<Replay> replay_of(Engine& engine, std::size_t count) {
    within(count, 1, 4096, "count");
    require(engine.threads() == 1, "an engine of one thread can be replayed");
    auto replay = std::make_unique<Replay>();
    const std::vector<std::uint64_t> seeds(engine.streams());
    std::vector<std::uint16_t> symbols(engine.streams() * count);
    std::vector<double> log2_prob(engine.streams() * count);
    replay->record(
        [&] { engine.generate(seeds.data(), count, {1.0f, 1.0, false}, nullptr, symbols.data(), log2_prob.data()); });
    return replay;
}

std::size_t multiply_adds(std::size_t rounds) {
    within(rounds, 1, std::size_t{1} << 32, "rounds");
    Floats sink(512);
    return find_kernels("auto")->spin(rounds, sink.data());
}

}  // namespace

void bind_engine(nb::module_& m) {
    nb::class_<Engine>(m, "Engine", "Streams of one network, advanced together.")
        .def("__init__", &open, nb::kw_only(), "network"_a, "input_table"_a.noconvert(), "error_table"_a.noconvert(),
             "predictor_weights"_a.noconvert(), "predictor_filter"_a.noconvert(), "predictor_max_lag"_a = 0,
             "code_of_symbol"_a.noconvert(), "distribution"_a, "start_symbol"_a, "streams"_a, "threads"_a)
        .def("generate", &generate_streams<Engine>, "count"_a, "seeds"_a.noconvert(), "temperature"_a, "top_p"_a,
             "exact"_a = false, "conditions"_a.noconvert() = nb::none(),
             "Symbols uint16 and log2 p of their codes float64, each (streams, count). Conditions are vectors float32 "
             "(rows, condition_floats), the row of each frame uint32 (streams, frames), the index of the first sample "
             "within its frame uint32 (streams,), the samples of a frame, and filters float64 (rows, filter_width) or "
             "None.")
        .def("feed", &feed_streams<Engine>, "symbols"_a.noconvert(), "conditions"_a.noconvert() = nb::none(),
             "Feeds symbols and returns log2 p of their codes, (streams, count).")
        .def("save", &save_streams<Engine>,
             "Network float32 (streams, …), codes int16 (streams, …), locations float64 (streams, 1), or (streams, 0) "
             "without filters, symbols uint16 (streams,), time.")
        .def("restore", &restore_streams<Engine>, "network"_a.noconvert(), "codes"_a.noconvert(),
             "locations"_a.noconvert(), "last"_a.noconvert(), "time"_a)
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads)
        .def_prop_ro("condition_floats", &Engine::condition_floats)
        .def_prop_ro("filter_width", &Engine::filter_width);
    nb::class_<Replay>(m, "Replay", "The weight reads of an engine's steps, for benchmarks.")
        .def_prop_ro("floats", &Replay::floats)
        .def("read", &Replay::read, "times"_a, nb::call_guard<nb::gil_scoped_release>(),
             "Repeats the reads `times` times: the same addresses in the same order, with additions only.");
    m.def(
        "replay", &replay_of, "engine"_a, "count"_a, nb::keep_alive<0, 1>(),
        "Records the weight reads of an engine, whose network has isa \"recording\", while it draws `count` samples.");
    m.def("multiply_adds", &multiply_adds, "rounds"_a, nb::call_guard<nb::gil_scoped_release>(),
          "Runs `rounds` rounds of float32 multiply-adds in registers, in one thread, and returns their number.");
}

}  // namespace wavegen
