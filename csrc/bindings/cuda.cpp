// Bindings of the CUDA engine. It is a module of its own, so that everything else works where it is not built or
// cannot be loaded.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/checks.h"
#include "bindings/streams.h"
#include "bindings/wavenet.h"
#include "cpu/rounding.h"
#include "cuda/device_found.h"
#include "cuda/engine.h"
#include "cuda/weights.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMaxCudaStreams = 65536, kMaxCudaCategories = 4096, kMaxCudaMixtures = 64;

cuda::DistributionSettings checked_distribution(const std::string& kind, const Array<std::int32_t, 1>& codes_per_symbol,
                                                const Array<float, 1>& offsets) {
    if (kind == "categorical") return {checked_quantizer(codes_per_symbol, kMaxCudaCategories), nullptr, {}};
    require(kind == "mixture_of_logistics" || kind == "mixture_of_gaussians", "distribution " + kind + " is unknown");
    within(offsets.shape(0), 1, kMaxCudaMixtures, "the number of components");
    finite(offsets, "log_scale_offsets");
    const Component& component = kind == "mixture_of_logistics" ? Component::logistic() : Component::gaussian();
    return {
        checked_quantizer(codes_per_symbol, kPcmCodes), &component, {offsets.data(), offsets.data() + offsets.size()}};
}

std::shared_ptr<cuda::Weights> weights_of(const nb::dict& arrays, const Array<std::int32_t, 1>& dilations,
                                          std::size_t kernel_size, std::size_t front_kernel_size, bool bfloat16,
                                          const std::string& distribution_kind,
                                          const Array<std::int32_t, 1>& codes_per_symbol,
                                          const Array<float, 1>& log_scale_offsets, const Array<float, 2>& input_table,
                                          const Array<float, 1>& error_table, const Array<float, 1>& predictor_weights,
                                          const Array<std::int32_t, 1>& code_of_symbol, std::size_t start_symbol) {
    cuda::DistributionSettings distribution =
        checked_distribution(distribution_kind, codes_per_symbol, log_scale_offsets);
    const std::size_t symbols = distribution.quantizer.num_symbols();
    require(start_symbol < symbols, "start_symbol is out of range");
    Inputs inputs =
        checked_inputs(input_table, error_table, {checked_weights(predictor_weights), {}}, code_of_symbol, symbols);
    NamedArrays weights(arrays);
    const WaveNetArrays a = checked_wavenet(weights, dilations, kernel_size, front_kernel_size, inputs.channels(),
                                            distribution.num_params());
    return std::make_shared<cuda::Weights>(a, bfloat16, std::move(distribution), std::move(inputs), start_symbol);
}

cuda::Kernel kernel_named(const std::string& name) {
    if (name == "auto") return cuda::Kernel::automatic;
    require(name == "throughput" || name == "latency",
            "kernel " + name + " is unknown; there are auto, throughput and latency");
    return name == "throughput" ? cuda::Kernel::throughput : cuda::Kernel::latency;
}

void open(cuda::Engine* self, const std::shared_ptr<cuda::Weights>& weights, std::size_t streams,
          const std::string& kernel) {
    within(streams, 1, kMaxCudaStreams, "the number of streams");
    new (self) cuda::Engine(weights, streams, kernel_named(kernel));
}

nb::tuple look_up(const cuda::Weights& weights, const Array<float, 1>& params, double location, double temperature,
                  double top_p, const Array<std::uint32_t, 1>& us, bool exact) {
    const Sampling how = checked_sampling(weights.distribution().component == nullptr, temperature, top_p, exact);
    weight(params, {weights.distribution().num_params()}, "params");
    require(std::isfinite(location), "location must be a finite number");
    within(us.size(), 1, 1 << 20, "the number of u");
    const std::uint32_t total = exact ? kTotal : kModelShare;
    for (std::size_t i = 0; i < us.size(); ++i) within(us.data()[i], 0, total - 1, "u");
    const cuda::DeviceArray<float> row(std::vector<float>(params.data(), params.data() + params.size()));
    const cuda::DeviceArray<std::uint32_t> where(std::vector<std::uint32_t>(us.data(), us.data() + us.size()));
    const cuda::DeviceArray<std::uint32_t> symbols(us.size());
    const cuda::DeviceArray<double> log2_prob(us.size());
    const cuda::Request request = {how.temperature, how.top_p, how.exact, true, 0, 0};
    cuda::check(cuda::run_look_up(weights.model(), row.data(), location, request, us.size(), where.data(),
                                  symbols.data(), log2_prob.data()));
    Owned<std::uint32_t> found({us.size()});
    Owned<double> found_log2_prob({us.size()});
    symbols.download(found.data(), 0, us.size());
    log2_prob.download(found_log2_prob.data(), 0, us.size());
    return nb::make_tuple(found.release(), found_log2_prob.release());
}

nb::dict clocks() {
    unsigned long long cycles[static_cast<int>(cuda::Phase::count)];
    cuda::check(cuda::take_clocks(cycles));
    nb::dict found;
    for (std::size_t i = 0; i < std::size(cycles); ++i) found[cuda::kPhases[i]] = cycles[i];
    return found;
}

}  // namespace
}  // namespace wavegen

NB_MODULE(wavegen_cuda, m) {
    using namespace wavegen;
    m.doc() = "The CUDA engine of wavegen; wavegen.engine is the way to it.";
    m.attr("numerics") = 1;
    m.attr("interface") = 4;  // raise with any change of the bound names; also in wavegen/engine/cuda.py
    m.def("missing", &cuda::missing, "Why no GPU can be used, or None.");
    m.def("device", &cuda::device_name, "The name of the GPU.");
    m.def("multiprocessors", &cuda::multiprocessors, "The GPU's number of multiprocessors.");
    m.def("look_up", &look_up, "weights"_a, "params"_a.noconvert(), "location"_a, "temperature"_a, "top_p"_a,
          "u"_a.noconvert(), "exact"_a = true,
          "The symbols, uint32, whose intervals of C contain `u`, and log2 p; for tests.");
    m.def("clocks", &clocks, "Cycles per phase since the last call; zeros unless built with WAVEGEN_CUDA_CLOCKS.");
    nb::class_<cuda::Weights>(m, "Weights", "A WaveNet with its inputs and its distribution, on the GPU.");
    m.def("weights", &weights_of, nb::kw_only(), "weights"_a, "dilations"_a.noconvert(), "kernel_size"_a,
          "front_kernel_size"_a, "bfloat16"_a, "distribution"_a, "codes_per_symbol"_a.noconvert(),
          "log_scale_offsets"_a.noconvert(), "input_table"_a.noconvert(), "error_table"_a.noconvert(),
          "predictor_weights"_a.noconvert(), "code_of_symbol"_a.noconvert(), "start_symbol"_a,
          "Weights float32 by name, as PyTorch lays them out.");
    nb::class_<cuda::Engine>(m, "Engine", "Streams of one network on the GPU, advanced together.")
        .def("__init__", &open, "weights"_a, "streams"_a, "kernel"_a)
        .def_prop_ro("kernel", &cuda::Engine::kernel)
        .def_prop_ro("condition_floats", &cuda::Engine::condition_floats)
        .def_prop_ro("fell_back", &cuda::Engine::fell_back,
                     "Whether few streams use the throughput kernel, because the weights do not fit on chip.")
        .def("generate", &generate_streams<cuda::Engine>, "count"_a, "seeds"_a.noconvert(), "temperature"_a, "top_p"_a,
             "exact"_a = false, "conditions"_a.noconvert() = nb::none(),
             "Symbols uint16 and log2 p of their codes float64, each (streams, count).")
        .def("feed", &feed_streams<cuda::Engine>, "symbols"_a.noconvert(), "conditions"_a.noconvert() = nb::none(),
             "Feeds symbols and returns log2 p of their codes, (streams, count).")
        .def("save", &save_streams<cuda::Engine>,
             "Network float32 (streams, …), codes int16 (streams, …), locations float64 (streams, 0), symbols uint16 "
             "(streams,), time.")
        .def("restore", &restore_streams<cuda::Engine>, "network"_a.noconvert(), "codes"_a.noconvert(),
             "locations"_a.noconvert(), "last"_a.noconvert(), "time"_a);
}
