// Bindings of distributions: constructed once and shared by engines; a single Cumulative for tests.
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

std::shared_ptr<Distribution> categorical(const Array<std::int32_t, 1>& codes_per_symbol) {
    return std::make_shared<Categorical>(checked_quantizer(codes_per_symbol, kMaxCategories));
}

std::shared_ptr<Distribution> mixture(const Array<std::int32_t, 1>& codes_per_symbol, const Array<float, 1>& offsets,
                                      const Component& component) {
    within(offsets.shape(0), 1, kMaxMixtures, "the number of components");
    finite(offsets, "log_scale_offsets");
    return std::make_shared<Mixture>(checked_quantizer(codes_per_symbol, kPcmCodes), component,
                                     std::vector<double>(offsets.data(), offsets.data() + offsets.size()));
}

std::shared_ptr<Distribution> mixture_of_logistics(const Array<std::int32_t, 1>& codes_per_symbol,
                                                   const Array<float, 1>& log_scale_offsets) {
    return mixture(codes_per_symbol, log_scale_offsets, Component::logistic());
}

std::shared_ptr<Distribution> mixture_of_gaussians(const Array<std::int32_t, 1>& codes_per_symbol,
                                                   const Array<float, 1>& log_scale_offsets) {
    return mixture(codes_per_symbol, log_scale_offsets, Component::gaussian());
}

std::unique_ptr<Cumulative> cumulative_of(const Distribution& distribution, const Array<float, 1>& params,
                                          double location, const std::string& isa, double log_unit) {
    weight(params, {distribution.num_params()}, "params");
    require(std::isfinite(location), "location must be a finite number");
    require(std::isfinite(log_unit), "log_unit must be a finite number");
    std::unique_ptr<Cumulative> cumulative = distribution.cumulative(*kernels_named(isa));
    Floats row(distribution.num_params());
    std::fill(row.data(), row.data() + padded(distribution.num_params()), std::numeric_limits<float>::lowest());
    std::copy(params.data(), params.data() + params.size(), row.data());
    cumulative->read(row.data(), {location, log_unit});
    return cumulative;
}

Result<std::uint32_t> table(const Distribution& distribution, const Array<float, 1>& params, double location,
                            double temperature, double top_p, const std::string& isa, bool exact, double log_unit) {
    const StandardRounding rounding;
    const std::unique_ptr<Cumulative> cumulative = cumulative_of(distribution, params, location, isa, log_unit);
    cumulative->apply_sampling(checked_sampling(distribution.takes_top_p(), temperature, top_p, exact));
    Owned<std::uint32_t> c({distribution.quantizer().num_symbols() + 1});
    for (std::size_t k = 0; k <= distribution.quantizer().num_symbols(); ++k) c.data()[k] = cumulative->at(k);
    return c.release();
}

Result<double> log2_prob(const Distribution& distribution, const Array<float, 1>& params, double location,
                         const std::string& isa, double log_unit) {
    const StandardRounding rounding;
    const std::unique_ptr<Cumulative> cumulative = cumulative_of(distribution, params, location, isa, log_unit);
    Owned<double> result({distribution.quantizer().num_symbols()});
    for (std::size_t k = 0; k < distribution.quantizer().num_symbols(); ++k)
        result.data()[k] = cumulative->log2_prob(k);
    return result.release();
}

Result<std::uint16_t> find(const Distribution& distribution, const Array<float, 1>& params, double location,
                           double temperature, double top_p, const Array<std::uint32_t, 1>& us, const std::string& isa,
                           bool exact, double log_unit) {
    const StandardRounding rounding;
    const std::uint32_t total = exact ? kTotal : kModelShare;
    for (std::size_t i = 0; i < us.size(); ++i) within(us.data()[i], 0, total - 1, "u");
    const std::unique_ptr<Cumulative> cumulative = cumulative_of(distribution, params, location, isa, log_unit);
    cumulative->apply_sampling(checked_sampling(distribution.takes_top_p(), temperature, top_p, exact));
    Owned<std::uint16_t> symbols({us.size()});
    for (std::size_t i = 0; i < us.size(); ++i)
        symbols.data()[i] = static_cast<std::uint16_t>(cumulative->find(us.data()[i]));
    return symbols.release();
}

}  // namespace

void bind_distributions(nb::module_& m) {
    nb::class_<Distribution>(
        m, "Distribution",
        "The output distribution: turns a network's outputs into integer counts and log-probabilities.")
        .def("table", &table, "params"_a.noconvert(), "location"_a, "temperature"_a, "top_p"_a, "isa"_a,
             "exact"_a = true, "log_unit"_a = 0.0, "C(k) for k = 0 … num_symbols, uint32; for tests.")
        .def("log2_prob", &log2_prob, "params"_a.noconvert(), "location"_a, "isa"_a, "log_unit"_a = 0.0,
             "log2 p of each symbol's PCM codes, float64; for tests.")
        .def("find", &find, "params"_a.noconvert(), "location"_a, "temperature"_a, "top_p"_a, "u"_a.noconvert(),
             "isa"_a, "exact"_a = true, "log_unit"_a = 0.0,
             "The symbols, uint16, whose intervals of C contain `u`, uint32; for tests.")
        .def_prop_ro("num_params", &Distribution::num_params);
    m.def("categorical", &categorical, "codes_per_symbol"_a.noconvert());
    m.def("mixture_of_logistics", &mixture_of_logistics, "codes_per_symbol"_a.noconvert(),
          "log_scale_offsets"_a.noconvert());
    m.def("mixture_of_gaussians", &mixture_of_gaussians, "codes_per_symbol"_a.noconvert(),
          "log_scale_offsets"_a.noconvert());
}

}  // namespace wavegen
