// See clocks.h.
#pragma once

#include "cuda/clocks.h"
#include "cuda/device.cuh"

namespace wavegen::cuda {

#ifdef WAVEGEN_CLOCKS

__device__ unsigned long long phase_cycles[static_cast<int>(Phase::count)];

__device__ inline long long cycles() {
#ifdef __CUDA_ARCH__  // nvcc's host pass has no clock64
    return clock64();
#else
    return 0;
#endif
}

class Stopwatch {
 public:
    __device__ explicit Stopwatch(bool running) : running_(running), last_(cycles()) {}
    __device__ void lap(Phase phase) {
        const long long now = cycles();
        if (running_) atomicAdd(&phase_cycles[static_cast<int>(phase)], static_cast<unsigned long long>(now - last_));
        last_ = cycles();
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
