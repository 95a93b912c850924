// Which kernels this CPU runs.
#include <cstring>

#include "kernels.h"

namespace wavegen {

namespace {

const Kernels* const kWidestFirst[] = {
#ifdef WAVEGEN_X86
    &avx512::kernels,
    &avx2::kernels,
#endif
    &portable::kernels,
};

bool runs_here(const Kernels* kernels) {
#ifdef WAVEGEN_X86
    if (kernels == &avx512::kernels) return __builtin_cpu_supports("avx512f");
    if (kernels == &avx2::kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
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
