// What the engine asks of a network: streams in lock-step, a few steps at a time.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/kernels.h"

namespace wavegen {

constexpr std::size_t kMostTogether = 32;  // streams in lock-step
constexpr std::size_t kMostRows = 64;      // streams times steps of one call

// Streams that start as a file does and move on together. Rows of several steps are ordered by time, then by stream.
class Run {
 public:
    virtual ~Run() = default;

    // For each of `steps` steps of each stream, from what is heard of the sample before, a row of channels(), the
    // distribution's parameters, a row of num_params() padded with the lowest float. The same bits for any number of
    // steps and streams; streams() * steps <= kMostRows. Allocates nothing.
    virtual void advance(const float* heard, std::size_t steps, float* params) = 0;

    // How many threads may work on it while it advances by one step.
    virtual std::size_t threads() const { return 1; }

    // What a stream's future depends on, state_floats() of the network.
    virtual void save(std::size_t stream, float* floats) const = 0;
    virtual void restore(std::size_t stream, const float* floats) = 0;
};

// Weights, shared by all runs, which must not outlive them.
class Network {
 public:
    virtual ~Network() = default;
    virtual std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const = 0;  // it may use so many threads
    virtual std::size_t channels() const = 0;
    virtual std::size_t num_params() const = 0;
    virtual std::size_t state_floats() const = 0;   // of one stream
    virtual std::size_t stream_floats() const = 0;  // what a stream takes in memory, at most
    virtual const Kernels& kernels() const = 0;
};

}  // namespace wavegen
