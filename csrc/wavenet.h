// WaveNet on a CPU: packed weights, queues and one step in time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/kernels.h"
#include "floats.h"

namespace wavegen {

// Arrays as PyTorch lays them out, (out, in) row-major, and their sizes. `half` is half of the gate channels:
// rows [0, half) of gates are the signal, rows [half, 2 half) its opening.
struct WaveNetArrays {
    std::size_t channels, front_kernel, residual, half, skip, layers, kernel, outputs;
    const std::int32_t* dilations;                 // (layers,)
    const float *front_weight, *front_bias;        // (residual, front_kernel * channels), oldest tap first
    const float *gates_weight, *gates_bias;        // (layers, 2 half, kernel * residual), oldest tap first
    const float *residual_weight, *residual_bias;  // (layers - 1, residual, half)
    const float *skip_weight, *skip_bias;          // (skip, layers * half)
    const float *head_weight, *head_bias;          // (skip, skip)
    const float *output_weight, *output_bias;      // (outputs, skip)
};

// A matrix and its bias, transposed to (in, padded out) so that vector lanes are outputs.
struct Matrix {
    Floats weight, bias;
    std::size_t inputs = 0, outputs = 0;  // outputs padded
};

// The last `span` rows of a signal, a ring: `row(age)` is the signal `age` steps ago, 1 <= age <= span.
class Queue {
 public:
    Queue(std::size_t span, std::size_t width) : rows_(span * padded(width)), span_(span), width_(padded(width)) {}
    const float* row(std::size_t age) const { return rows_.data() + place(age) * width_; }
    void push(const float* x) {
        std::copy(x, x + width_, rows_.data() + next_ * width_);
        next_ = next_ + 1 == span_ ? 0 : next_ + 1;
    }
    std::size_t span() const { return span_; }

 private:
    std::size_t place(std::size_t age) const { return next_ >= age ? next_ - age : next_ + span_ - age; }
    Floats rows_;
    std::size_t span_, width_, next_ = 0;
};

// What a step computes in; one for each thread.
struct Workspace {
    Floats x, gates, z, skip, hidden, outputs;
};

// What a stream's future depends on: the last `front_kernel` rows of input, oldest first, and the layers' queues.
struct WaveNetState {
    std::vector<float> heard;
    std::vector<Queue> queues;
};

class WaveNet {
 public:
    WaveNet(const WaveNetArrays& arrays, const Kernels* kernels);

    // The distribution's parameters, workspace.outputs (padded with the lowest float), from what is heard of the sample
    // before, a row of channels; the state advances.
    void step(const float* row, WaveNetState& state, Workspace& workspace) const;

    WaveNetState empty_state() const;  // a file starts from zeros
    Workspace workspace() const;

    // A state's inputs but the oldest, then layer by layer its rows, oldest first: state_floats() in all.
    void save(const WaveNetState& state, float* floats) const;
    void restore(const float* floats, WaveNetState& state) const;
    std::size_t state_floats() const;
    const Kernels& kernels() const { return *kernels_; }

 private:
    struct Layer {
        std::vector<Matrix> taps;  // oldest first, the current tap last; the first holds the bias
        Matrix residual;           // none in the last layer
        Matrix skip;               // the first layer's holds the bias
        std::size_t dilation;
    };
    void multiply(const Matrix& matrix, const float* input, float* sums) const;

    const Kernels* kernels_;
    std::size_t channels_, residual_, half_, skip_, kernel_;
    Matrix front_;  // all taps side by side
    std::vector<Layer> layers_;
    Matrix head_, output_;
};

}  // namespace wavegen
