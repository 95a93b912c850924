// Selects the kernels that this CPU supports.
#include <cstring>

#include "cpu/kernels.h"

namespace wavegen {

namespace {

struct Candidate {
    const Kernels* kernels;
    bool runs_here;
};

#ifdef WAVEGEN_X86

// Put together here, since code of a file that is compiled for an instruction set may use it anywhere.
Kernels with_int8_instructions() {
    Kernels kernels = avx512::kernels;
    kernels.name = "avx512vnni";
    kernels.product_int8 = avx512vnni::int8_product;
    return kernels;
}

#endif

}  // namespace

const Kernels* find_kernels(const char* name) {
#ifdef WAVEGEN_X86
    static const Kernels avx512vnni = with_int8_instructions();
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
#endif
    const Candidate widest_first[] = {
#ifdef WAVEGEN_X86
        {&avx512vnni, avx512 && __builtin_cpu_supports("avx512vnni")},
        {&avx512::kernels, avx512},
        {&avx2::kernels, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
#endif
#ifdef __aarch64__
        {&neon::kernels, true},  // part of the architecture
#endif
        {&portable::kernels, true},
    };
    for (const Candidate& candidate : widest_first) {
        const bool wanted = std::strcmp(name, "auto") == 0 || std::strcmp(name, candidate.kernels->name) == 0;
        if (wanted && candidate.runs_here) return candidate.kernels;
    }
    return nullptr;
}

}  // namespace wavegen
