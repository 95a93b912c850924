// The engine's interface to a network: streams in lock-step, several steps per call.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/kernels.h"

namespace wavegen {

constexpr std::size_t kMaxBatch = 32;  // streams in lock-step
constexpr std::size_t kMaxRows = 64;   // streams times steps per call

// The vector that conditions one step: for each of `layers` that take it, `parts` rows of padded(width) floats, all
// side by side.
struct ConditionShape {
    std::size_t layers, parts, width;
    std::size_t row() const { return parts * padded(width); }  // that a layer adds
    std::size_t floats() const { return layers * row(); }
};

// The state of streams in lock-step, initially that at the start of a file. Rows of several steps are ordered by
// time, then by stream.
class Run {
 public:
    virtual ~Run() = default;

    // Advances each stream by `steps` steps. `inputs` has a row of channels() for each, made from the previous
    // sample. `params` receives the distribution's parameters, a row of num_params() padded with the lowest
    // float. `conditions`, if not null, has the vector of each row, condition().floats() of the network. The bits do
    // not depend on how many steps or streams share a call; streams * steps <= kMaxRows. Does not allocate.
    virtual void advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) = 0;

    // The number of threads that one step may use.
    virtual std::size_t threads() const { return 1; }

    // Copies a stream's state, state_floats() of the network.
    virtual void save(std::size_t stream, float* floats) const = 0;
    virtual void restore(std::size_t stream, const float* floats) = 0;
};

// The weights, shared by all runs. Must outlive them.
class Network {
 public:
    virtual ~Network() = default;
    virtual std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const = 0;  // threads: the limit per run
    virtual std::size_t channels() const = 0;
    virtual std::size_t num_params() const = 0;
    virtual ConditionShape condition() const = 0;
    virtual std::size_t state_floats() const = 0;   // per stream
    virtual std::size_t stream_floats() const = 0;  // upper bound of a stream's memory
    virtual const Kernels& kernels() const = 0;
};

}  // namespace wavegen
