// Weight matrices packed for the kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/floats.h"
#include "cpu/kernels.h"

namespace wavegen {

enum class Precision { float32, bfloat16, int8 };

// The rows of a product's right-hand side. They are quantized to int8 at most once, when the first int8 matrix needs
// it, into the scratch, which has space for `count` rows.
class Rows {
 public:
    struct Scratch {
        Scratch(std::size_t count, std::size_t width) : bytes(count * padded(width)), scale(count) {}
        Lines<std::int8_t> bytes;
        Floats scale;
    };
    Rows(const float* data, std::size_t stride, std::size_t count, std::size_t width, Scratch& scratch)
        : data_(data), stride_(stride), count_(count), width_(padded(width)), scratch_(scratch) {}

    const float* data() const { return data_; }
    std::size_t stride() const { return stride_; }
    std::size_t count() const { return count_; }
    Int8Rows quantized(const Kernels& kernels) {
        if (!quantized_) kernels.quantize(data_, stride_, count_, width_, scratch_.bytes.data(), scratch_.scale.data());
        quantized_ = true;
        return {scratch_.bytes.data(), width_, scratch_.scale.data()};
    }

 private:
    const float* data_;
    std::size_t stride_, count_, width_;
    Scratch& scratch_;
    bool quantized_ = false;
};

// A matrix and its bias, transposed to (inputs, outputs) so that vector lanes are outputs; outputs are padded with
// zeros. The members that a float32 product reads fit one cache line: between two products of a matrix all other
// weights pass through the cache.
class alignas(64) Matrix {
 public:
    Matrix() = default;
    Matrix(std::size_t inputs, std::size_t outputs)
        : inputs_(inputs), outputs_(padded(outputs)), weight_(inputs * outputs_), bias_(outputs_) {}

    // Sets outputs [first, first + outputs) from `inputs` columns, beginning at `weight`, of a row-major
    // (outputs, stride) matrix, and from their bias, unless null.
    void fill(std::size_t first, std::size_t outputs, const float* weight, std::size_t stride, const float* bias);

    // Rounds the weights, but not the bias.
    void round_to(Precision precision);

    // Sets the cyclic order in which a step uses the matrices, after they have been rounded. A product of
    // several rows, unless int8, prefetches the next matrix.
    static void set_prefetch_order(const std::vector<Matrix*>& order);

    std::size_t inputs() const { return inputs_; }
    std::size_t outputs() const { return outputs_; }
    float* bias() { return bias_.data(); }
    const float* bias() const { return bias_.data(); }

    // Sets each of `count` rows of sums to the bias.
    void begin(std::size_t count, float* sums, std::size_t sum_stride) const {
        for (std::size_t r = 0; r < count; ++r) std::copy(bias(), bias() + outputs_, sums + r * sum_stride);
    }

    // Computes outputs [first, end), whole vectors, for one row: bias plus product. Only for float32 weights.
    void apply(const Kernels& kernels, const float* row, std::size_t first, std::size_t end, float* sums) const {
        kernels.product(weight_.data() + first, outputs_, inputs_, end - first, row, 0, 1, {bias() + first, 0},
                        sums + first, 0);
    }

    // sums = bias + product, for `count` rows; not for int8.
    void apply(const Kernels& kernels, const float* rows, std::size_t row_stride, std::size_t count, float* sums,
               std::size_t sum_stride) const {
        multiply(kernels, rows, row_stride, count, {bias(), 0, nullptr, next_}, sums, sum_stride);
    }

    // sums = bias + product, for any precision; the rows are padded.
    void apply(const Kernels& kernels, Rows& rows, float* sums, std::size_t sum_stride) const {
        multiply(kernels, rows, {bias(), 0, nullptr, next_}, sums, sum_stride);
    }

    // sums += product, for any precision; the rows are padded.
    void add(const Kernels& kernels, Rows& rows, float* sums, std::size_t sum_stride) const {
        multiply(kernels, rows, {sums, sum_stride, nullptr, next_}, sums, sum_stride);
    }

    // sums = from + bias + product, for any precision; the rows are padded.
    void add(const Kernels& kernels, Rows& rows, const float* from, float* sums, std::size_t stride) const {
        multiply(kernels, rows, {from, stride, bias(), next_}, sums, stride);
    }

 private:
    void multiply(const Kernels& kernels, const float* rows, std::size_t row_stride, std::size_t count,
                  const Start& start, float* sums, std::size_t sum_stride) const;
    void multiply(const Kernels& kernels, Rows& rows, const Start& start, float* sums, std::size_t sum_stride) const;
    void round_to_bfloat16();
    void round_to_int8();
    const void* words_of_weights() const {
        if (precision_ == Precision::bfloat16) return halves_.data();
        return precision_ == Precision::int8 ? static_cast<const void*>(bytes_.data()) : weight_.data();
    }
    std::size_t words() const { return (outputs_ + 2 * kLanes - 1) / (2 * kLanes) * kLanes; }  // per row of bfloat16

    std::size_t inputs_ = 0, outputs_ = 0;
    Precision precision_ = Precision::float32;
    const void* next_ = nullptr;
    Floats weight_;  // empty if rounded
    Floats bias_;
    Lines<std::uint32_t> halves_;  // bfloat16, see Kernels::product_bfloat16
    Lines<std::int8_t> bytes_;     // see Int8Weights, also for the next two
    Floats scale_;
    Lines<std::int32_t> offset_;
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
