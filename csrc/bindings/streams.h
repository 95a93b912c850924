// Methods that the CPU's and the CUDA engine have in common.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/checks.h"

namespace wavegen {

template <class Engine>
nb::tuple generate_streams(Engine& engine, std::size_t count, const Array<std::uint64_t, 1>& seeds, double temperature,
                           double top_p, bool exact) {
    shaped(seeds, {engine.streams()}, "seeds");
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
    const Sampling sampling = checked_sampling(engine.takes_top_p(), temperature, top_p, exact);
    const std::vector<std::uint64_t> keys(seeds.data(), seeds.data() + seeds.size());
    Owned<std::uint16_t> symbols({engine.streams(), count});
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.generate(keys.data(), count, sampling, symbols.data(), log2_prob.data());
    }
    return nb::make_tuple(symbols.release(), log2_prob.release());
}

template <class Engine>
Result<double> feed_streams(Engine& engine, const Array<std::uint16_t, 2>& symbols) {
    const std::size_t count = symbols.shape(1);
    shaped(symbols, {engine.streams(), count}, "symbols");
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
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

template <class Engine>
nb::tuple save_streams(Engine& engine) {
    Owned<float> network({engine.streams(), engine.state_floats()});
    Owned<std::int16_t> codes({engine.streams(), engine.state_codes()});
    Owned<std::uint16_t> last({engine.streams()});
    const std::uint64_t time = engine.save(network.data(), codes.data(), last.data());
    return nb::make_tuple(network.release(), codes.release(), last.release(), time);
}

template <class Engine>
void restore_streams(Engine& engine, const Array<float, 2>& network, const Array<std::int16_t, 2>& codes,
                     const Array<std::uint16_t, 1>& last, std::uint64_t time) {
    weight(network, {engine.streams(), engine.state_floats()}, "network");
    shaped(codes, {engine.streams(), engine.state_codes()}, "codes");
    shaped(last, {engine.streams()}, "last");
    for (std::size_t s = 0; s < engine.streams(); ++s)
        require(last.data()[s] < engine.num_symbols(), "last has a symbol that is out of range");
    engine.restore(network.data(), codes.data(), last.data(), time);
}

}  // namespace wavegen
