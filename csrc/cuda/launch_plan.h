// The launch parameters for a model and a number of streams on this device.
#pragma once

#include <cstddef>
#include <optional>

#include "cuda/kernels.h"
#include "cuda/weights.h"

namespace wavegen::cuda {

ThroughputShape throughput_shape(const Weights& weights, std::size_t streams);

// None if the layers' weights do not fit on chip, or there are too many streams.
std::optional<LatencyPlan> latency_plan(const Weights& weights, std::size_t streams);

}  // namespace wavegen::cuda
