// See clocks.h.
#pragma once

#include "clocks.h"
#include "device.cuh"

namespace wavegen::cuda {

#ifdef WAVEGEN_CLOCKS

__device__ unsigned long long phase_cycles[static_cast<int>(Phase::count)];

class Stopwatch {
 public:
    __device__ explicit Stopwatch(bool running) : running_(running), last_(clock64()) {}
    __device__ void lap(Phase phase) {
        const long long now = clock64();
        if (running_) atomicAdd(&phase_cycles[static_cast<int>(phase)], static_cast<unsigned long long>(now - last_));
        last_ = clock64();
    }

 private:
    bool running_;
    long long last_;
};

#else

class Stopwatch {
 public:
    __device__ explicit Stopwatch(bool) {}
    __device__ void lap(Phase) {}
};

#endif

}  // namespace wavegen::cuda
