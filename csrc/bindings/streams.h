// Methods that the CPU's and the CUDA engine have in common.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/checks.h"
#include "engine/conditions.h"

namespace wavegen {

constexpr std::size_t kMaxHop = std::size_t{1} << 31;

// Vectors (rows, width), the row of each frame (streams, frames), phases (streams,), the hop, and filters (rows,
// filter_width) or None; see Conditions.
using GivenConditions = std::optional<
    std::tuple<Array<float, 2>, Array<std::uint32_t, 2>, Array<std::uint32_t, 1>, std::size_t, Array<double, 2>>>;

// The conditions of a call of `count` samples, none if none are given. Indices and filters, from which indices are
// made, are copied: no other thread changes them after they were checked.
class CheckedConditions {
 public:
    template <class Engine>
    CheckedConditions(const Engine& engine, const GivenConditions& given, std::size_t count) {
        if (!given) return;
        const auto& [vectors, rows, phases, hop, filters] = *given;
        require(engine.condition_floats() != 0, "the engine takes no conditions");
        require(vectors.is_valid() && rows.is_valid() && phases.is_valid(), "conditions have None for an array");
        weight(vectors, {vectors.shape(0), engine.condition_floats()}, "vectors");
        shaped(rows, {engine.streams(), rows.shape(1)}, "rows");
        shaped(phases, {engine.streams()}, "phases");
        within(hop, 1, kMaxHop, "hop");
        within(rows.shape(1), 0, kMaxSamplesPerCall + 1, "the number of frames");
        rows_.assign(rows.data(), rows.data() + rows.size());
        phases_.assign(phases.data(), phases.data() + phases.size());
        for (const std::uint32_t row : rows_)
            if (row >= vectors.shape(0)) throw std::invalid_argument("a frame's row is beyond the vectors");
        for (const std::uint32_t phase : phases_) {
            if (phase >= hop) throw std::invalid_argument("a phase is not below the hop");
            if (count != 0 && (phase + count - 1) / hop >= rows.shape(1))
                throw std::invalid_argument("there are too few frames for " + std::to_string(count) + " samples");
        }
        copy_filters(filters, vectors.shape(0), engine.filter_width());
        conditions_ = {vectors.data(),
                       rows_.data(),
                       phases_.data(),
                       vectors.shape(0),
                       engine.condition_floats(),
                       static_cast<std::uint32_t>(rows.shape(1)),
                       static_cast<std::uint32_t>(hop),
                       filters_.empty() ? nullptr : filters_.data(),
                       engine.filter_width()};
    }
    const Conditions* get() const { return conditions_ ? &*conditions_ : nullptr; }

 private:
    void copy_filters(const Array<double, 2>& filters, std::size_t count, std::size_t width) {
        require(filters.is_valid() == (width != 0), width == 0 ? "the engine takes no filters" : "filters are missing");
        if (width == 0) return;
        shaped(filters, {count, width}, "filters");
        filters_.assign(filters.data(), filters.data() + filters.size());
        moderate(filters_, "filters");
    }

    std::vector<std::uint32_t> rows_, phases_;
    std::vector<double> filters_;
    std::optional<Conditions> conditions_;
};

template <class Engine>
nb::tuple generate_streams(Engine& engine, std::size_t count, const Array<std::uint64_t, 1>& seeds, double temperature,
                           double top_p, bool exact, const GivenConditions& conditions) {
    shaped(seeds, {engine.streams()}, "seeds");
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
    const Sampling sampling = checked_sampling(engine.takes_top_p(), temperature, top_p, exact);
    const std::vector<std::uint64_t> keys(seeds.data(), seeds.data() + seeds.size());
    const CheckedConditions checked(engine, conditions, count);
    Owned<std::uint16_t> symbols({engine.streams(), count});
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.generate(keys.data(), count, sampling, checked.get(), symbols.data(), log2_prob.data());
    }
    return nb::make_tuple(symbols.release(), log2_prob.release());
}

template <class Engine>
Result<double> feed_streams(Engine& engine, const Array<std::uint16_t, 2>& symbols, const GivenConditions& conditions) {
    const std::size_t count = symbols.shape(1);
    shaped(symbols, {engine.streams(), count}, "symbols");
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
    for (std::size_t i = 0; i < symbols.size(); ++i)
        if (symbols.data()[i] >= engine.num_symbols())
            throw std::invalid_argument("symbol " + std::to_string(symbols.data()[i]) + " is out of range");
    const std::vector<std::uint16_t> known(symbols.data(), symbols.data() + symbols.size());
    const CheckedConditions checked(engine, conditions, count);
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.feed(known.data(), count, checked.get(), log2_prob.data());
    }
    return log2_prob.release();
}

template <class Engine>
nb::tuple save_streams(Engine& engine) {
    Owned<float> network({engine.streams(), engine.state_floats()});
    Owned<std::int16_t> codes({engine.streams(), engine.state_codes()});
    Owned<double> locations({engine.streams(), engine.state_locations()});
    Owned<std::uint16_t> last({engine.streams()});
    const std::uint64_t time = engine.save(network.data(), codes.data(), locations.data(), last.data());
    return nb::make_tuple(network.release(), codes.release(), locations.release(), last.release(), time);
}

template <class Engine>
void restore_streams(Engine& engine, const Array<float, 2>& network, const Array<std::int16_t, 2>& codes,
                     const Array<double, 2>& locations, const Array<std::uint16_t, 1>& last, std::uint64_t time) {
    weight(network, {engine.streams(), engine.state_floats()}, "network");
    shaped(codes, {engine.streams(), engine.state_codes()}, "codes");
    weight(locations, {engine.streams(), engine.state_locations()}, "locations");
    shaped(last, {engine.streams()}, "last");
    for (std::size_t s = 0; s < engine.streams(); ++s)
        require(last.data()[s] < engine.num_symbols(), "last has a symbol that is out of range");
    engine.restore(network.data(), codes.data(), locations.data(), last.data(), time);
}

}  // namespace wavegen
