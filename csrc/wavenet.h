// WaveNet on a CPU: packed weights, queues and one step in time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/kernels.h"

namespace wavegen {

// Zeros at first, aligned to a cache line, in whole rows of kLanes.
class Floats {
 public:
    explicit Floats(std::size_t count = 0) : lines_(padded(count) / kLanes) {}
    float* data() { return lines_.empty() ? nullptr : lines_.front().lanes; }
    const float* data() const { return lines_.empty() ? nullptr : lines_.front().lanes; }

 private:
    struct alignas(64) Line {
        float lanes[kLanes] = {};
    };
    std::vector<Line> lines_;
};

// Arrays as PyTorch lays them out, (out, in) row-major, and their sizes. `half` is half of the gate channels:
// rows [0, half) of gates are the signal, rows [half, 2 half) its opening.
struct WaveNetArrays {
    std::size_t symbols, embedding, residual, half, skip, layers, kernel;
    const std::int32_t* dilations;                 // (layers,)
    const float* embedding_weight;                 // (symbols, embedding)
    const float *front_weight, *front_bias;        // (residual, embedding)
    const float *gates_weight, *gates_bias;        // (layers, 2 half, kernel * residual), oldest tap first
    const float *residual_weight, *residual_bias;  // (layers - 1, residual, half)
    const float *skip_weight, *skip_bias;          // (skip, layers * half)
    const float *head_weight, *head_bias;          // (skip, skip)
    const float *output_weight, *output_bias;      // (symbols, skip)
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
    Floats x, gates, z, skip, hidden, logits;
};

class WaveNet {
 public:
    WaveNet(const WaveNetArrays& arrays, const Kernels* kernels);

    // The network's parameters, workspace.logits (padded with the lowest float), from the symbol before; queues
    // advance.
    void step(std::size_t symbol_before, std::vector<Queue>& queues, Workspace& workspace) const;

    std::vector<Queue> empty_queues() const;  // a file starts from zeros
    Workspace workspace() const;
    std::size_t symbols() const { return symbols_; }
    std::size_t residual() const { return residual_; }
    std::size_t state_floats() const;  // what all queues of one stream hold
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
    std::size_t symbols_, residual_, half_, skip_, kernel_;
    Floats front_;  // (symbols, padded residual): embedding and front, computed once
    std::vector<Layer> layers_;
    Matrix head_, output_;
};

}  // namespace wavegen
