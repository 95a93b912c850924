// The host interface of the kernels.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "cuda/clocks.h"
#include "cuda/distribution.h"
#include "cuda/memory_layout.h"
#include "cuda/model.h"

namespace wavegen::cuda {

struct ThroughputShape {
    bool bfloat16, shared;  // whether the layers' weights are bfloat16, and whether a block's data is in shared memory
    std::uint32_t width;    // streams of a group, 4 or 16
    std::uint32_t threads;  // per block
    std::size_t bytes;      // of shared memory, or of `spilled`, per block
};

cudaError_t run_throughput(const ThroughputShape& shape, const Launch& launch, char* spilled, cudaStream_t stream);

// The number of groups of blocks that fit on the device at once; may be zero.
std::size_t groups_at_once(const LatencyPlan& plan);

// `messages`: the message buffers of all blocks, `bytes` in total. Cleared and used if the blocks are not in
// clusters.
cudaError_t run_latency(const LatencyPlan& plan, const Launch& launch, char* messages, std::size_t bytes,
                        cudaStream_t stream);

// For tests: the symbols at `count` values of u, for the distribution with these parameters.
cudaError_t run_look_up(const DeviceModel& model, const float* params, double location, const Request& how,
                        std::size_t count, const std::uint32_t* us, std::uint32_t* symbols, double* log2_prob);

// Cycles of each Phase since the last call; zeros unless compiled with WAVEGEN_CLOCKS.
cudaError_t take_clocks(unsigned long long (&cycles)[static_cast<int>(Phase::count)]);

}  // namespace wavegen::cuda
