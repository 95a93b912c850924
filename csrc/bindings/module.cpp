// Python's door to the engine: everything that comes in is checked here, before anything is allocated.
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
    m.attr("interface") = 1;  // raised with any change of what Python calls here; wavegen/extension.py has it too
    m.def("instruction_sets", &wavegen::instruction_sets, "What this CPU runs of it, the widest first.");
    wavegen::bind_heads(m);
    wavegen::bind_networks(m);
    wavegen::bind_engine(m);
    wavegen::bind_coder(m);
    wavegen::bind_adaptive(m);
    wavegen::bind_training(m);
    wavegen::bind_pieces(m);
}
