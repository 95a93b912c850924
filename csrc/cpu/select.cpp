// Selects the kernels that this CPU supports.
#include <cstring>

#include "cpu/kernels.h"

namespace wavegen {

namespace {

const Kernels* const kWidestFirst[] = {
#ifdef WAVEGEN_X86
    &avx512vnni::kernels, &avx512::kernels, &avx2::kernels,
#endif
#ifdef __aarch64__
    &neon::kernels,
#endif
    &portable::kernels,
};

bool runs_here(const Kernels* kernels) {
#ifdef WAVEGEN_X86
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (kernels == &avx512vnni::kernels) return avx512 && __builtin_cpu_supports("avx512vnni");
    if (kernels == &avx512::kernels) return avx512;
    if (kernels == &avx2::kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef __aarch64__
    if (kernels == &neon::kernels) return true;  // part of the architecture
#endif
    return kernels == &portable::kernels;
}

}  // namespace

const Kernels* find_kernels(const char* name) {
    for (const Kernels* kernels : kWidestFirst) {
        const bool wanted = std::strcmp(name, "auto") == 0 || std::strcmp(name, kernels->name) == 0;
        if (wanted && runs_here(kernels)) return kernels;
    }
    return nullptr;
}

}  // namespace wavegen
