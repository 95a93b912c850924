// Bindings of the smallest parts of the engine, for tests.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/module.h"
#include "common/philox.h"
#include "cpu/rounding.h"
#include "distributions/component.h"
#include "distributions/tables.h"
#include "engine/autotune.h"
#include "networks/matrix.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

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

Result<float> gate(const Array<float, 1>& filter, const Array<float, 1>& gate_input, const std::string& isa) {
    shaped(gate_input, {filter.shape(0)}, "gate");
    require(filter.size() % kLanes == 0, "the length must be a multiple of 16");
    Owned<float> z({filter.shape(0)});
    kernels_named(isa)->gated_activation(filter.data(), gate_input.data(), filter.size(), z.data());
    return z.release();
}

// sums + rows weightᵀ, with `weight` (outputs, inputs) and `rows` (count, inputs), for a precision and an
// instruction set.
Result<float> product_of(const Array<float, 2>& weight, const Array<float, 2>& rows, const Array<float, 2>& sums,
                         const std::string& precision, const std::string& isa) {
    const StandardRounding rounding;
    const std::size_t outputs = weight.shape(0), inputs = weight.shape(1), count = rows.shape(0);
    within(inputs, 1, kMaxChannels, "inputs");
    within(outputs, 1, kMaxChannels, "outputs");
    finite(weight, "weight");
    shaped(rows, {count, inputs}, "rows");
    shaped(sums, {count, outputs}, "sums");
    const Kernels& kernels = *kernels_named(isa);
    Matrix matrix = packed(weight.data(), nullptr, outputs, inputs);
    matrix.round_to(precision_named(precision));
    const std::size_t length = padded(inputs), width = matrix.outputs();
    Floats padded_rows(count * length), padded_sums(count * width);
    for (std::size_t r = 0; r < count; ++r) {
        std::copy_n(rows.data() + r * inputs, inputs, padded_rows.data() + r * length);
        std::copy_n(sums.data() + r * outputs, outputs, padded_sums.data() + r * width);
    }
    Rows::Scratch scratch(count, inputs);
    Rows packed_rows(padded_rows.data(), length, count, inputs, scratch);
    matrix.add(kernels, packed_rows, padded_sums.data(), width);
    Owned<float> result({count, outputs});
    for (std::size_t r = 0; r < count; ++r)
        std::copy_n(padded_sums.data() + r * width, outputs, result.data() + r * outputs);
    return result.release();
}

std::vector<std::uint32_t> philox_words(const std::vector<std::uint32_t>& counter,
                                        const std::vector<std::uint32_t>& key) {
    require(counter.size() == 4 && key.size() == 2, "a counter has four words and a key two");
    const Words words = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
    return {words.word, words.word + 4};
}

Result<double> distribution_function(const Component& component, const Array<double, 1>& z) {
    const StandardRounding rounding;
    Owned<double> result({z.size()});
    for (std::size_t i = 0; i < z.size(); ++i) result.data()[i] = component(z.data()[i]);
    return result.release();
}

Result<double> logistic(const Array<double, 1>& z) { return distribution_function(Component::logistic(), z); }
Result<double> gaussian(const Array<double, 1>& z) { return distribution_function(Component::gaussian(), z); }

}  // namespace

void bind_pieces(nb::module_& m) {
    nb::module_ pieces = m.def_submodule("pieces", "Parts of the engine, for tests.");
    pieces.def("multiply_add", &multiply_add, "a"_a.noconvert(), "b"_a.noconvert(), "c"_a.noconvert(), "isa"_a);
    pieces.def("gate", &gate, "filter"_a.noconvert(), "gate"_a.noconvert(), "isa"_a);
    pieces.def("product", &product_of, "weight"_a.noconvert(), "rows"_a.noconvert(), "sums"_a.noconvert(),
               "precision"_a, "isa"_a, "sums + rows weightᵀ, (count, outputs).");
    nb::class_<Autotune>(pieces, "Autotune", "Chooses the faster of two implementations of a step.")
        .def(nb::init<>())
        .def("use_second", &Autotune::use_second)
        .def("record", &Autotune::record, "seconds"_a);
    pieces.def("philox", &philox_words, "counter"_a, "key"_a);
    pieces.def("log2", &log2_fixed, "x"_a);
    pieces.def("exp", &exp_fixed, "x"_a);
    pieces.def("logistic", &logistic, "z"_a.noconvert(), "The logistic distribution function, by its table.");
    pieces.def("gaussian", &gaussian, "z"_a.noconvert(), "The normal distribution function, by its table.");
}

}  // namespace wavegen
