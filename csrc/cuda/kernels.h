// The kernels, for the host.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "cuda/clocks.h"
#include "cuda/distribution.h"
#include "cuda/memory_layout.h"
#include "cuda/model.h"

namespace wavegen::cuda {

struct ThroughputShape {
    bool bfloat16, shared;  // whether the layers' weights are bfloat16, and what a block works with is in shared memory
    std::uint32_t width;    // streams of a group, 4 or 16
    std::uint32_t threads;  // of a block
    std::size_t bytes;      // of shared memory, or of `spilled` for each block
};

cudaError_t run_throughput(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream);

// How many groups of blocks the device runs at once; zero if not one.
std::size_t groups_at_once(const LatencyPlan& plan);

// `mailboxes`: bytes of all blocks' mailboxes, which are used and emptied where blocks are not in clusters.
cudaError_t run_latency(const LatencyPlan& plan, const Launch& launch, char* mailboxes, std::size_t bytes,
                        cudaStream_t stream);

// For tests: what the distribution with these parameters has at `count` places of C.
cudaError_t run_look_up(const DeviceModel& model, const float* params, double location, const Asked& how,
                        std::size_t count, const std::uint32_t* places, std::uint32_t* symbols, double* log2_prob);

// Cycles of each Phase since the last call; zeros unless compiled with WAVEGEN_CLOCKS.
cudaError_t take_clocks(unsigned long long (&cycles)[static_cast<int>(Phase::count)]);

}  // namespace wavegen::cuda
