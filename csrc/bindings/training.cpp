// Native kernels for training: a WaveNet layer's gated activation and its gradient, on arrays of any row stride.
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "bindings/module.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

template <class Scalar>
using Rows2 = nb::ndarray<Scalar, nb::ndim<2>, nb::device::cpu>;

template <class Scalar>
void checked(const Rows2<Scalar>& gates, const Rows2<Scalar>& z, std::size_t threads) {
    within(threads, 1, 1024, "threads");
    require(gates.shape(1) % 2 == 0, "gates must have an even number of columns");
    shaped(z, {gates.shape(0), gates.shape(1) / 2}, "z");
    require(gates.stride(1) == 1 && z.stride(1) == 1, "columns must lie side by side");
    require(gates.shape(0) < 2 || gates.stride(0) == static_cast<std::int64_t>(gates.shape(1)),
            "rows of gates must lie one after another");
    require(z.shape(0) < 2 || z.stride(0) >= static_cast<std::int64_t>(z.shape(1)), "rows of z must not overlap");
}

// Splits the rows among `threads` threads and calls work(first row, number of rows) on each.
template <class Work>
void shared(std::size_t rows, std::size_t threads, const Work& work) {
    const nb::gil_scoped_release released;
    threads = std::min(threads, rows);
    std::vector<std::thread> others;
    for (std::size_t t = 1; t < threads; ++t) {
        const std::size_t begin = rows * t / threads, end = rows * (t + 1) / threads;
        others.emplace_back([&work, begin, end] { work(begin, end - begin); });
    }
    if (rows > 0) work(0, rows / threads);
    for (std::thread& other : others) other.join();
}

template <class Scalar>
void gated_activation_rows(const Rows2<Scalar>& gates, const Rows2<Scalar>& z, std::size_t threads,
                           const std::string& isa) {
    checked(gates, z, threads);
    const Kernels& kernels = *kernels_named(isa);
    const std::size_t width = z.shape(1), stride = z.shape(0) < 2 ? width : static_cast<std::size_t>(z.stride(0));
    shared(z.shape(0), threads, [&](std::size_t first, std::size_t count) {
        const GateRows<const Scalar> from{gates.data() + first * 2 * width, count, width};
        const Strided<Scalar> to{z.data() + first * stride, stride};
        if constexpr (sizeof(Scalar) == sizeof(float))
            kernels.gated_activation_rows(from, to);
        else
            kernels.gated_activation_rows_bfloat16(from, to);
    });
}

template <class Scalar>
void gates_gradient(const Rows2<Scalar>& gates, const Rows2<Scalar>& dz, std::size_t threads, const std::string& isa) {
    checked(gates, dz, threads);
    const Kernels& kernels = *kernels_named(isa);
    const std::size_t width = dz.shape(1), stride = dz.shape(0) < 2 ? width : static_cast<std::size_t>(dz.stride(0));
    shared(dz.shape(0), threads, [&](std::size_t first, std::size_t count) {
        const GateRows<Scalar> in_place{gates.data() + first * 2 * width, count, width};
        const Strided<const Scalar> given{dz.data() + first * stride, stride};
        if constexpr (sizeof(Scalar) == sizeof(float))
            kernels.gates_gradient(in_place, given);
        else
            kernels.gates_gradient_bfloat16(in_place, given);
    });
}

}  // namespace

void bind_training(nb::module_& m) {
    const char* activation =
        "z = tanh(filter) σ(gate) of gates (rows, 2 width), into z (rows, width); uint16: bfloat16.";
    m.def("gated_activation", &gated_activation_rows<float>, "gates"_a.noconvert(), "z"_a.noconvert(), "threads"_a,
          "isa"_a = "auto", activation);
    m.def("gated_activation", &gated_activation_rows<std::uint16_t>, "gates"_a.noconvert(), "z"_a.noconvert(),
          "threads"_a, "isa"_a = "auto", activation);
    const char* gradient = "Replaces gates by their gradient, computed from that of z.";
    m.def("gates_gradient", &gates_gradient<float>, "gates"_a.noconvert(), "dz"_a.noconvert(), "threads"_a,
          "isa"_a = "auto", gradient);
    m.def("gates_gradient", &gates_gradient<std::uint16_t>, "gates"_a.noconvert(), "dz"_a.noconvert(), "threads"_a,
          "isa"_a = "auto", gradient);
}

}  // namespace wavegen
