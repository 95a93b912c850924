// Weights packed for the kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/floats.h"
#include "cpu/kernels.h"

namespace wavegen {

enum class Precision { float32, bfloat16, int8 };

// Rows that matrices are multiplied with, `count` of them. What int8 matrices take for them is made once, when the
// first of these asks, in `bytes` and `scale`, which have room for as many rows.
class Rows {
 public:
    struct Room {
        Room(std::size_t count, std::size_t width) : bytes(count * padded(width)), scale(count) {}
        Lines<std::int8_t> bytes;
        Floats scale;
    };
    Rows(const float* data, std::size_t stride, std::size_t count, std::size_t width, Room& room)
        : data_(data), stride_(stride), count_(count), width_(padded(width)), room_(room) {}

    const float* data() const { return data_; }
    std::size_t stride() const { return stride_; }
    std::size_t count() const { return count_; }
    Int8Rows quantized(const Kernels& kernels) {
        if (!quantized_) kernels.quantize(data_, stride_, count_, width_, room_.bytes.data(), room_.scale.data());
        quantized_ = true;
        return {room_.bytes.data(), width_, room_.scale.data()};
    }

 private:
    const float* data_;
    std::size_t stride_, count_, width_;
    Room& room_;
    bool quantized_ = false;
};

// A matrix and its bias, turned to (inputs, outputs) so that vector lanes are outputs; outputs are padded with zeros.
// What a product of float32 reads of it is in one cache line: between two of its products all others' weights go
// through the cache.
class alignas(64) Matrix {
 public:
    Matrix() = default;
    Matrix(std::size_t inputs, std::size_t outputs)
        : inputs_(inputs), outputs_(padded(outputs)), weight_(inputs * outputs_), bias_(outputs_) {}

    // Takes outputs [first, first + outputs) from a row-major (outputs, stride) matrix, of which it is the columns
    // from `weight` on, and their bias, if there is one.
    void fill(std::size_t first, std::size_t outputs, const float* weight, std::size_t stride, const float* bias);

    // Rounds the weights, not the bias.
    void round_to(Precision precision);

    // Says in which order matrices, rounded before, are multiplied with in a step, round and round: products of many
    // rows, but of int8, fetch the next one from memory meanwhile.
    static void put_in_order(const std::vector<Matrix*>& order);

    std::size_t inputs() const { return inputs_; }
    std::size_t outputs() const { return outputs_; }
    float* bias() { return bias_.data(); }
    const float* bias() const { return bias_.data(); }

    // Each of `count` rows of sums is the bias.
    void begin(std::size_t count, float* sums, std::size_t sum_stride) const {
        for (std::size_t r = 0; r < count; ++r) std::copy(bias(), bias() + outputs_, sums + r * sum_stride);
    }

    // For outputs [first, end) of one row, whole vectors of them: the bias and what the matrix makes of the row. Of
    // float32 weights only.
    void apply(const Kernels& kernels, const float* row, std::size_t first, std::size_t end, float* sums) const {
        kernels.product(weight_.data() + first, outputs_, inputs_, end - first, row, 0, 1, {bias() + first, 0},
                        sums + first, 0);
    }

    // The bias and what the matrix makes of each of `count` rows; not for int8.
    void apply(const Kernels& kernels, const float* rows, std::size_t row_stride, std::size_t count, float* sums,
               std::size_t sum_stride) const {
        multiply(kernels, rows, row_stride, count, {bias(), 0, nullptr, next_}, sums, sum_stride);
    }

    // The same of any precision; the rows are padded.
    void apply(const Kernels& kernels, Rows& rows, float* sums, std::size_t sum_stride) const {
        multiply(kernels, rows, {bias(), 0, nullptr, next_}, sums, sum_stride);
    }

    // Adds what the matrix makes of each row, of any precision; the rows are padded.
    void add(const Kernels& kernels, Rows& rows, float* sums, std::size_t sum_stride) const {
        multiply(kernels, rows, {sums, sum_stride, nullptr, next_}, sums, sum_stride);
    }

    // Each row of sums is that of `from` and the bias, and then what the matrix makes of a row, of any precision; the
    // rows are padded.
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
    std::size_t words() const { return (outputs_ + 2 * kLanes - 1) / (2 * kLanes) * kLanes; }  // of a row of bfloat16

    std::size_t inputs_ = 0, outputs_ = 0;
    Precision precision_ = Precision::float32;
    const void* next_ = nullptr;
    Floats weight_;  // empty if rounded
    Floats bias_;
    Lines<std::uint32_t> halves_;  // bfloat16, see Kernels::product_bfloat16
    Lines<std::int8_t> bytes_;     // see Int8Weights, for the next two as well
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
