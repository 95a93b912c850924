// The parts of the Python module, and helpers that they share.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "bindings/checks.h"
#include "cpu/kernels.h"
#include "distributions/distribution.h"
#include "engine/replay.h"
#include "networks/matrix.h"

namespace wavegen {

void bind_distributions(nb::module_& m);
void bind_networks(nb::module_& m);
void bind_engine(nb::module_& m);
void bind_coder(nb::module_& m);
void bind_adaptive(nb::module_& m);
void bind_training(nb::module_& m);
void bind_pieces(nb::module_& m);  // parts of the engine, for tests

// The kernels of this name; "recording" are the widest, recorded by a Replay. Throws std::invalid_argument if the CPU
// does not support them.
inline const Kernels* kernels_named(const std::string& isa) {
    if (isa == "recording") return Replay::kernels();
    const Kernels* kernels = find_kernels(isa.c_str());
    require(kernels != nullptr, "isa " + isa + " is unknown or not for this CPU");
    return kernels;
}

inline Precision precision_named(const std::string& name) {
    if (name == "float32") return Precision::float32;
    if (name == "bfloat16") return Precision::bfloat16;
    require(name == "int8", "precision " + name + " is unknown; there are float32, bfloat16 and int8");
    return Precision::int8;
}

}  // namespace wavegen
