// Weights packed for the kernels.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cpu/kernels.h"
#include "floats.h"

namespace wavegen {

// A matrix and its bias, turned to (inputs, outputs) so that vector lanes are outputs; outputs are padded with zeros.
class Matrix {
 public:
    Matrix() = default;
    Matrix(std::size_t inputs, std::size_t outputs)
        : inputs_(inputs), outputs_(padded(outputs)), weight_(inputs * outputs_), bias_(outputs_) {}

    // Takes outputs [first, first + outputs) from a row-major (outputs, stride) matrix, of which it is the columns
    // from `weight` on, and their bias, if there is one.
    void fill(std::size_t first, std::size_t outputs, const float* weight, std::size_t stride, const float* bias) {
        for (std::size_t o = 0; o < outputs; ++o) {
            for (std::size_t i = 0; i < inputs_; ++i) weight_.data()[i * outputs_ + first + o] = weight[o * stride + i];
            if (bias != nullptr) bias_.data()[first + o] = bias[o];
        }
    }

    std::size_t inputs() const { return inputs_; }
    std::size_t outputs() const { return outputs_; }
    float* bias() { return bias_.data(); }
    const float* bias() const { return bias_.data(); }

    // Each of `count` rows of sums is the bias.
    void begin(std::size_t count, float* sums, std::size_t sum_stride) const {
        for (std::size_t r = 0; r < count; ++r) std::copy(bias(), bias() + outputs_, sums + r * sum_stride);
    }

    // Adds what the matrix makes of each of `count` rows.
    void add(const Kernels& kernels, const float* rows, std::size_t row_stride, std::size_t count, float* sums,
             std::size_t sum_stride) const {
        kernels.product(weight_.data(), outputs_, inputs_, outputs_, rows, row_stride, count, sums, sum_stride);
    }

 private:
    std::size_t inputs_ = 0, outputs_ = 0;
    Floats weight_, bias_;
};

// A whole (outputs, inputs) row-major matrix with its bias.
inline Matrix packed(const float* weight, const float* bias, std::size_t outputs, std::size_t inputs) {
    Matrix matrix(inputs, outputs);
    matrix.fill(0, outputs, weight, inputs, bias);
    return matrix;
}

inline void relu(float* rows, std::size_t stride, std::size_t count, std::size_t width) {  // NaN stays NaN
    for (std::size_t r = 0; r < count; ++r)
        for (float* x = rows + r * stride; x < rows + r * stride + width; ++x) *x = *x < 0.0f ? 0.0f : *x;
}

}  // namespace wavegen
