// The Python module. All arguments are checked in bindings/, before anything is allocated.
#include "bindings/module.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

namespace wavegen {
namespace {

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const char* name : {"avx512vnni", "avx512", "avx2", "neon", "portable"})
        if (find_kernels(name) != nullptr) names.emplace_back(name);
    return names;
}

}  // namespace
}  // namespace wavegen

NB_MODULE(wavegen_native, m) {
    m.doc() = "The C++ engine of wavegen; wavegen.engine is the way to it.";
    m.attr("numerics") = 1;
    m.attr("interface") = 5;  // raise with any change of the bound names; also in wavegen/extension.py
    m.def("instruction_sets", &wavegen::instruction_sets,
          "The instruction sets that this CPU supports, the widest first.");
    wavegen::bind_distributions(m);
    wavegen::bind_networks(m);
    wavegen::bind_engine(m);
    wavegen::bind_coder(m);
    wavegen::bind_adaptive(m);
    wavegen::bind_training(m);
    wavegen::bind_pieces(m);
}
