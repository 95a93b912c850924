// Heads for Python: made once, shared by engines; and one distribution at a time, for tests.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/module.h"
#include "common/floats.h"
#include "cpu/rounding.h"
#include "distributions/categorical.h"
#include "distributions/mixture.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

std::shared_ptr<Head> categorical(const Array<std::int32_t, 1>& codes_per_symbol) {
    return std::make_shared<Categorical>(checked_grid(codes_per_symbol, kMostCategories));
}

std::shared_ptr<Head> mixture(const Array<std::int32_t, 1>& codes_per_symbol, const Array<float, 1>& offsets,
                              const Component& component) {
    within(offsets.shape(0), 1, kMostMixtures, "the number of components");
    finite(offsets, "log_scale_offsets");
    return std::make_shared<Mixture>(checked_grid(codes_per_symbol, kPcmCodes), component,
                                     std::vector<double>(offsets.data(), offsets.data() + offsets.size()));
}

std::shared_ptr<Head> mixture_of_logistics(const Array<std::int32_t, 1>& codes_per_symbol,
                                           const Array<float, 1>& log_scale_offsets) {
    return mixture(codes_per_symbol, log_scale_offsets, Component::logistic());
}

std::shared_ptr<Head> mixture_of_gaussians(const Array<std::int32_t, 1>& codes_per_symbol,
                                           const Array<float, 1>& log_scale_offsets) {
    return mixture(codes_per_symbol, log_scale_offsets, Component::gaussian());
}

std::unique_ptr<Law> law_of(const Head& head, const Array<float, 1>& params, double location, const std::string& isa) {
    weight(params, {head.num_params()}, "params");
    require(std::isfinite(location), "location must be a finite number");
    std::unique_ptr<Law> law = head.law(*kernels_named(isa));
    Floats row(head.num_params());
    std::fill(row.data(), row.data() + padded(head.num_params()), std::numeric_limits<float>::lowest());
    std::copy(params.data(), params.data() + params.size(), row.data());
    law->read(row.data(), location);
    return law;
}

Result<std::uint32_t> table(const Head& head, const Array<float, 1>& params, double location, double temperature,
                            double top_p, const std::string& isa, bool exact) {
    const StandardRounding rounding;
    const std::unique_ptr<Law> law = law_of(head, params, location, isa);
    law->temper(checked_sampling(head.takes_top_p(), temperature, top_p, exact));
    Owned<std::uint32_t> c({head.grid().num_symbols() + 1});
    for (std::size_t k = 0; k <= head.grid().num_symbols(); ++k) c.data()[k] = law->cumulative(k);
    return c.release();
}

Result<double> log2_prob(const Head& head, const Array<float, 1>& params, double location, const std::string& isa) {
    const StandardRounding rounding;
    const std::unique_ptr<Law> law = law_of(head, params, location, isa);
    Owned<double> result({head.grid().num_symbols()});
    for (std::size_t k = 0; k < head.grid().num_symbols(); ++k) result.data()[k] = law->log2_prob(k);
    return result.release();
}

Result<std::uint16_t> find(const Head& head, const Array<float, 1>& params, double location, double temperature,
                           double top_p, const Array<std::uint32_t, 1>& places, const std::string& isa, bool exact) {
    const StandardRounding rounding;
    const std::uint32_t total = exact ? kTotal : kModelShare;
    for (std::size_t i = 0; i < places.size(); ++i) within(places.data()[i], 0, total - 1, "a place");
    const std::unique_ptr<Law> law = law_of(head, params, location, isa);
    law->temper(checked_sampling(head.takes_top_p(), temperature, top_p, exact));
    Owned<std::uint16_t> symbols({places.size()});
    for (std::size_t i = 0; i < places.size(); ++i)
        symbols.data()[i] = static_cast<std::uint16_t>(law->find(places.data()[i]));
    return symbols.release();
}

}  // namespace

void bind_heads(nb::module_& m) {
    nb::class_<Head>(m, "Head", "What turns a network's outputs into the distribution of the next symbol.")
        .def("table", &table, "params"_a.noconvert(), "location"_a, "temperature"_a, "top_p"_a, "isa"_a,
             "exact"_a = true, "C(k) for k = 0 … num_symbols, uint32; for tests.")
        .def("log2_prob", &log2_prob, "params"_a.noconvert(), "location"_a, "isa"_a,
             "log2 p of each symbol's PCM codes, float64; for tests.")
        .def("find", &find, "params"_a.noconvert(), "location"_a, "temperature"_a, "top_p"_a, "places"_a.noconvert(),
             "isa"_a, "exact"_a = true, "The symbols, uint16, whose counts hold the places, uint32; for tests.")
        .def_prop_ro("num_params", &Head::num_params);
    m.def("categorical", &categorical, "codes_per_symbol"_a.noconvert());
    m.def("mixture_of_logistics", &mixture_of_logistics, "codes_per_symbol"_a.noconvert(),
          "log_scale_offsets"_a.noconvert());
    m.def("mixture_of_gaussians", &mixture_of_gaussians, "codes_per_symbol"_a.noconvert(),
          "log_scale_offsets"_a.noconvert());
}

}  // namespace wavegen
